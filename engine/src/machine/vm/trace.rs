//! The head of what a guest's kernel prints when it can't go on: it names the cause. The tail, which a panic ends with, doesn't.

/// How it begins, or what is in it where its beginning was lost (linux/arch/x86/kernel/dumpstack.c, arch/x86/mm/fault.c,
/// lib/bug.c, kernel/watchdog.c).
const BEGINNINGS: [&str; 6] =
    ["BUG: ", "kernel BUG at ", "Oops", "general protection fault", "Internal error: ", "Call Trace:"];
/// What the place of the instruction is named by.
const INSTRUCTION: &str = "RIP: ";
/// Lines that are kept, at most. The registers and calls of one fault are some 50.
const LINES_MAX: usize = 64;

/// The first lines from the first that tells of a fault. Of a kernel that goes on after a fault, later ones are mostly its consequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    lines: Vec<String>,
}

impl Trace {
    /// Takes a line of the console. Returns whether it belongs to what is kept.
    pub fn take(&mut self, line: &str) -> bool {
        let begins = || BEGINNINGS.iter().any(|beginning| unstamped(line).starts_with(beginning));
        let is_kept = self.lines.len() < LINES_MAX && (!self.lines.is_empty() || begins());
        if is_kept {
            self.lines.push(line.to_owned());
        }
        is_kept
    }

    /// What happened and where, in the kernel's words.
    pub fn cause(&self) -> Option<String> {
        let mut lines = self.lines.iter().map(|line| unstamped(line));
        let what = lines.next()?;
        let place = lines.find(|line| line.starts_with(INSTRUCTION));
        Some(place.map_or(what.to_owned(), |place| format!("{what}; {place}")))
    }
}

/// A line of the kernel's without the time, and what else stands in brackets before it.
fn unstamped(mut line: &str) -> &str {
    while let Some((_, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
        line = rest.trim_start();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_kept_from_its_head() {
        for (printed, cause) in [
            (&["[    1.2] random: ready", "plain"][..], None),
            (
                &[
                    "[   32.05] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI",
                    "[   32.06] CPU: 0 UID: 0",
                    "[   32.06] RIP: 0010:enqueue_entity+0xca/0x500",
                    "[   32.07] Oops: int3: 0000 [#2] PREEMPT SMP NOPTI",
                    "[   32.07] RIP: 0010:other+0x1/0x2",
                ],
                Some("Oops: int3: 0000 [#1] PREEMPT SMP NOPTI; RIP: 0010:enqueue_entity+0xca/0x500"),
            ),
            (
                &["[    9.1][  T364] BUG: unable to handle page fault for address: ffff"],
                Some("BUG: unable to handle page fault for address: ffff"),
            ),
            (&["[    9.1] Call Trace:", "[    9.1]  <TASK>"], Some("Call Trace:")),
        ] {
            let mut trace = Trace::default();
            for line in printed {
                trace.take(line);
            }
            assert_eq!(trace.cause().as_deref(), cause);
        }
    }

    #[test]
    fn a_trace_is_bounded() {
        let mut trace = Trace::default();
        assert!(!trace.take("[ 1.0] before"));
        let kept = (0..1000).filter(|_| trace.take("[ 1.0] Oops: again")).count();
        assert_eq!(kept, LINES_MAX);
    }
}
