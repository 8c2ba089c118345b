//! The rewriting of Docker's API: requests of any client, answers of a machine that isn't trusted.

use causeway_docker_proxy::answer::{Shown, translate};
use causeway_docker_proxy::bind::System;
use causeway_docker_proxy::request::find;
use causeway_docker_proxy::route::{Answer, Route};
use serde_json::Value;

/// What the places of the fuzzed machine begin with.
const MACHINE: &str = "/machine";

/// A request is refused, or becomes one that differs in paths alone and names just the places that were put in; an answer differs in
/// paths alone.
///
/// The first byte of the input says what it is, the rest is its body.
pub fn docker(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let Ok(body) = std::str::from_utf8(body) else { return };
    let requests =
        [Route::ContainerCreate, Route::ContainerStart(String::new()), Route::ServiceSpec, Route::VolumeCreate];
    let answers = [
        Answer::Container,
        Answer::Containers,
        Answer::Service,
        Answer::Services,
        Answer::Volume,
        Answer::Volumes,
        Answer::DiskUsage,
    ];
    match usize::from(kind % 11) {
        at @ 0..4 => request(&requests[at], body),
        at => answer(answers[at - 4], body),
    }
}

fn request(route: &Route, body: &str) {
    for system in [System::Unix, System::Windows] {
        let Ok(found) = find(route, body, system) else { continue };
        let places: Vec<String> = (0..found.wishes().len()).map(|number| format!("{MACHINE}/{number}")).collect();
        let Some(made) = found.rewrite(&places).expect("these places have no colon") else {
            assert!(places.is_empty());
            continue;
        };
        let again = find(route, &made, System::Unix).expect("what was understood is understood again");
        let named: Vec<&str> = again.wishes().map(|wish| wish.source.as_str()).collect();
        assert_eq!(named, places);
        assert_only_paths_differ(body, &made, |text| text.starts_with(MACHINE));
    }
}

struct Back;

impl Shown for Back {
    fn shown(&self, _: &str, place: &str) -> Option<String> {
        place.strip_prefix('/').map(|rest| format!("{MACHINE}/{rest}"))
    }

    fn shown_in(&self, sentence: &str) -> String {
        sentence.to_owned()
    }
}

fn answer(answer: Answer, body: &str) {
    if let Ok(Some(made)) = translate(answer, body, &Back) {
        assert_only_paths_differ(body, &made, |text| text.starts_with(MACHINE));
    }
}

/// All but strings is the same, and a string that differs is a path now.
fn assert_only_paths_differ(before: &str, after: &str, is_path: impl Fn(&str) -> bool + Copy) {
    let parse = |text: &str| serde_json::from_str::<Value>(text);
    // What is nested too deep for this is no less right.
    let (Ok(before), Ok(after)) = (parse(before), parse(after)) else { return };
    same(&before, &after, is_path);
}

fn same(before: &Value, after: &Value, is_path: impl Fn(&str) -> bool + Copy) {
    match (before, after) {
        (Value::String(_), Value::String(after)) if is_path(after) => {}
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len());
            before.iter().zip(after).for_each(|(before, after)| same(before, after, is_path));
        }
        (Value::Object(before), Value::Object(after)) => {
            assert!(before.keys().eq(after.keys()));
            before.values().zip(after.values()).for_each(|(before, after)| same(before, after, is_path));
        }
        (before, after) => assert_eq!(before, after),
    }
}
