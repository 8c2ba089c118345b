//! Answers with paths of the host in them.

use causeway_docker_proxy::answer::{Shown, translate};
use causeway_docker_proxy::route::Answer;

struct Map;

impl Shown for Map {
    fn shown(&self, owner: &str, place: &str) -> Option<String> {
        let path = place.strip_prefix("/machine").map(|path| format!("/home/me{path}"))?;
        Some(if owner == "linked" { "/link".to_owned() } else { path })
    }

    fn shown_in(&self, sentence: &str) -> String {
        sentence.to_owned()
    }
}

#[test]
fn every_kind_of_answer() {
    for (answer, body) in [
        (
            Answer::Container,
            r#"{"Id":"c","HostConfig":{"Binds":["/machine/a:/a:ro","v:/v","/machinery:/x"],"Mounts":[{"Type":"bind","Source":"/machine/b","Target":"/b"},
                {"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"o":"bind","device":"/machine/c","type":"none"}}}}]},
                "Config":{"Labels":{"path":"/machine/label"}},"LogPath":"/machine-own/log",
                "Mounts":[{"Type":"bind","Source":"/machine/a"},{"Type":"volume","Source":"/machine-volumes/v/_data"}]}"#,
        ),
        (
            Answer::Containers,
            r#"[{"Id":"c","Mounts":[{"Type":"bind","Source":"/machine/a"}]},{"Id":"d","Mounts":null}]"#,
        ),
        (
            Answer::Service,
            r#"{"ID":"s","Spec":{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/machine/a"}]}}},
                "PreviousSpec":{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/machine/b"}]}}}}"#,
        ),
        (
            Answer::Services,
            r#"[{"ID":"t","Spec":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/machine/a"}]}}}]"#,
        ),
        (
            Answer::Volume,
            r#"{"Name":"v","Mountpoint":"/machine-volumes/v","Options":{"o":"bind","device":"/machine/a"}}"#,
        ),
        (Answer::Volumes, r#"{"Volumes":[{"Name":"v","Options":{"o":"bind","device":"/machine/a"}}],"Warnings":null}"#),
        (
            Answer::DiskUsage,
            r#"{"Containers":[{"Id":"c","Mounts":[{"Type":"bind","Source":"/machine/a"}]}],"Volumes":[{"Options":{"o":"bind","device":"/machine/b"}}]}"#,
        ),
    ] {
        let expected = body
            .replace("/machine/", "/home/me/")
            .replace("/home/me/label", "/machine/label")
            .replace("\"/machine\"", "\"/home/me\"");
        let expected = expected.replace("\"/machinery:/x\"", "\"/home/mery:/x\"");
        assert_eq!(translate(answer, body, &Map).unwrap().as_deref(), Some(expected.as_str()), "{answer:?}");
    }
}

#[test]
fn what_was_given_is_shown_for_its_owner() {
    let body = r#"[{"Id":"linked","Mounts":[{"Type":"bind","Source":"/machine/a"}]},{"Id":"c","Mounts":[{"Type":"bind","Source":"/machine/a"}]}]"#;
    let shown = translate(Answer::Containers, body, &Map).unwrap().unwrap();
    assert!(shown.contains(r#""linked","Mounts":[{"Type":"bind","Source":"/link"}"#), "{shown}");
    assert!(shown.contains(r#""c","Mounts":[{"Type":"bind","Source":"/home/me/a"}"#), "{shown}");
}

#[test]
fn whatever_docker_answers_is_taken() {
    for answer in [Answer::Container, Answer::Containers, Answer::Service, Answer::Volumes, Answer::DiskUsage] {
        for body in
            ["null", "[]", "{}", "3", r#"{"Mounts":3,"HostConfig":[],"Volumes":{}}"#, r#"[[[{"Mounts":[null]}]]]"#]
        {
            assert_eq!(translate(answer, body, &Map).unwrap(), None, "{body}");
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let _ = translate(answer, &deep, &Map);
        assert!(translate(answer, "{", &Map).is_err());
    }
}
