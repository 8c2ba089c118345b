//! Random input, made from the corpus, the same for the same seed.

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which isn't 0. The bias is far below what matters here.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Longest input that is made.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// Bytes that mean something in paths, patterns and lengths.
const TELLING: &[u8] = b"\0/.!#*?[]\\^-\n\r \xef\xbb\xbf\x7f\x80\xff";

/// An input made from one or two of `corpus` by a few changes.
pub fn input(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = match corpus.len() {
        0 => Vec::new(),
        len => corpus[random.below(len)].clone(),
    };
    for _ in 0..=random.below(8) {
        change(random, &mut input, corpus);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = random.below(input.len() + 1);
    let end = at + random.below((input.len() - at).min(32) + 1);
    match random.below(8) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next() as u8,
        2 => input.insert(at, TELLING[random.below(TELLING.len())]),
        3 => drop(input.drain(at..end)),
        4 => {
            let piece = input[at..end].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, piece);
        }
        5 => input.truncate(at),
        6 if !corpus.is_empty() => {
            let other = &corpus[random.below(corpus.len())];
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => {
            // A number, as lengths are written: little-endian or as a varint.
            let number = random.next() >> random.below(64);
            input.splice(at..at, number.to_le_bytes().into_iter().take(1 + random.below(8)));
        }
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn one_seed_makes_one_sequence() {
        let corpus = [b"a/b".to_vec(), b"!*.rs\n".to_vec(), Vec::new()];
        let sequence = |seed| {
            let mut random = Random::new(seed);
            (0..1000).map(|_| input(&mut random, &corpus)).collect::<Vec<_>>()
        };
        assert_eq!(sequence(1), sequence(1));
        assert_ne!(sequence(1), sequence(2));
        assert!(sequence(1).iter().all(|input| input.len() <= INPUT_BYTES_MAX));
    }
}
