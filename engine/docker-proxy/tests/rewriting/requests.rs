//! Which paths a request names, and what it is with others. `recorded/` has what docker, docker compose, docker-py,
//! dockerode and testcontainers sent.

use causeway_docker_proxy::bind::System;
use causeway_docker_proxy::request::{Missing, Unclear, find};
use causeway_docker_proxy::route::Route;

/// A path, what becomes of it where it is missing, and whether it may be a copy.
type Named = (&'static str, Missing, bool);

const CREATE: Route = Route::ContainerCreate;

fn names(route: &Route, body: &str) -> Result<Vec<(String, Missing, bool)>, Unclear> {
    let found = find(route, body, System::Unix)?;
    Ok(found.wishes().map(|wish| (wish.source.clone(), wish.missing, wish.may_be_copy)).collect())
}

/// The request with `/machine` before each path.
fn moved(route: &Route, body: &str) -> Option<String> {
    let found = find(route, body, System::Unix).unwrap();
    let places: Vec<String> = found.wishes().map(|wish| format!("/machine{}", wish.source)).collect();
    found.rewrite(&places).unwrap()
}

#[test]
fn what_clients_send() {
    use Missing::{Create, Leave, Refuse};
    let cases: [(&str, Route, &str, &[Named]); 11] = [
        (
            "docker-28-create",
            CREATE,
            include_str!("recorded/docker-28-create.json"),
            &[
                ("/home/me/src", Create, true),
                ("/home/me/src/f.conf", Create, false),
                ("/home/me/src/sub", Refuse, true),
                ("/home/me/src/sub", Leave, true),
            ],
        ),
        (
            "docker-28-volume",
            Route::VolumeCreate,
            include_str!("recorded/docker-28-volume.json"),
            &[("/home/me/src", Leave, true)],
        ),
        (
            "docker-28-service",
            Route::ServiceSpec,
            include_str!("recorded/docker-28-service.json"),
            &[("/home/me/src", Leave, true)],
        ),
        (
            "compose-2.26-create",
            CREATE,
            include_str!("recorded/compose-2.26-create.json"),
            &[
                ("/home/me/src/sub", Create, true),
                ("/home/me/src/f.conf", Create, true),
                ("/home/me/src", Refuse, true),
            ],
        ),
        (
            "docker-py-7-create",
            CREATE,
            include_str!("recorded/docker-py-7-create.json"),
            &[("/home/me/src", Create, true), ("/home/me/src/sub", Refuse, false)],
        ),
        (
            "docker-py-7-volume",
            Route::VolumeCreate,
            include_str!("recorded/docker-py-7-volume.json"),
            &[("/home/me/src", Leave, true)],
        ),
        (
            "dockerode-5-create",
            CREATE,
            include_str!("recorded/dockerode-5-create.json"),
            &[
                ("/home/me/src", Create, true),
                ("/home/me/src/f.conf", Create, true),
                ("/home/me/src/sub", Refuse, true),
            ],
        ),
        (
            "dockerode-5-volume",
            Route::VolumeCreate,
            include_str!("recorded/dockerode-5-volume.json"),
            &[("/home/me/src", Leave, true)],
        ),
        (
            "dockerode-5-service",
            Route::ServiceSpec,
            include_str!("recorded/dockerode-5-service.json"),
            &[("/home/me/src", Leave, true)],
        ),
        (
            "testcontainers-node-10-create",
            CREATE,
            include_str!("recorded/testcontainers-node-10-create.json"),
            &[("/home/me/src", Create, true), ("/home/me/src/f.conf", Create, true)],
        ),
        (
            "testcontainers-python-4-create",
            CREATE,
            include_str!("recorded/testcontainers-python-4-create.json"),
            &[("/home/me/src", Create, true), ("/home/me/src/f.conf", Create, true)],
        ),
    ];
    for (name, route, body, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(path, missing, copy)| ((*path).to_owned(), *missing, *copy)).collect();
        assert_eq!(names(&route, body).unwrap(), expected, "{name}");
        // Labels name paths too, and stay: clients compare them.
        let by_hand = body.replace("\"/home/me/src", "\"/machine/home/me/src");
        let by_hand = by_hand.replace("working_dir\":\"/machine", "working_dir\":\"");
        let by_hand = by_hand.replace("config_files\":\"/machine", "config_files\":\"");
        assert_eq!(moved(&route, body).unwrap(), by_hand, "{name}");
    }
}

#[test]
fn where_paths_are_found() {
    let cases: [(Route, &str, &[&str]); 19] = [
        (CREATE, r#"{"HostConfig":{"Binds":["/a:/b"]}}"#, &["/a"]),
        (CREATE, r#"{"hostconfig":{"BINDS":["/a:/b"]}}"#, &["/a"]),
        (CREATE, "{\"Ho\u{17f}tConfig\":{\"Bind\u{17f}\":[\"/a:/b\"]}}", &["/a"]),
        (CREATE, r#"{"\u0048ostConfig":{"Binds":["\u002fa:/b"]}}"#, &["/a"]),
        (CREATE, r#"{"Binds":["/a:/b"]}"#, &["/a"]),
        (CREATE, r#"{"HostConfig":{"Binds":null,"Mounts":null}}"#, &[]),
        (CREATE, r#"{"HostConfig":null}"#, &[]),
        (CREATE, "", &[]),
        (CREATE, r#"{"HostConfig":{"Binds":["v:/b","/anon","./x:/b"]}}"#, &[]),
        (
            CREATE,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a"},{"Type":"tmpfs","Source":"/c"}]}}"#,
            &["/a"],
        ),
        (CREATE, r#"{"HostConfig":{"Mounts":[{"type":"bind","source":"/a"}]}}"#, &["/a"]),
        (CREATE, r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"a"},{"Type":"bind"}]}}"#, &[]),
        (Route::ContainerStart(String::new()), r#"{"Binds":["/a:/b"]}"#, &["/a"]),
        (Route::VolumeCreate, r#"{"DriverOpts":{"o":"ro,rbind","device":"/a"}}"#, &["/a"]),
        (Route::VolumeCreate, r#"{"Driver":"nfs","DriverOpts":{"o":"bind","device":"/a"}}"#, &[]),
        (Route::VolumeCreate, r#"{"DriverOpts":{"O":"bind","Device":"/a"}}"#, &[]),
        (Route::VolumeCreate, r#"{"DriverOpts":{"type":"nfs","o":"addr=x","device":":/a"}}"#, &[]),
        (Route::VolumeCreate, r#"{"DriverOpts":null}"#, &[]),
        (Route::Other, r#"{"HostConfig":{"Binds":["/a:/b"]}}"#, &[]),
    ];
    for (route, body, expected) in cases {
        let found: Vec<String> = names(&route, body).unwrap().into_iter().map(|(path, ..)| path).collect();
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_or_not_at_all_is_refused() {
    for (route, body) in [
        (CREATE, r#"{"HostConfig":{},"HostConfig":{"Binds":["/a:/b"]}}"#),
        (CREATE, r#"{"HostConfig":{},"hostConfig":{"Binds":["/a:/b"]}}"#),
        (CREATE, r#"{"HostConfig":{"Binds":[],"binds":["/a:/b"]}}"#),
        (CREATE, r#"{"HostConfig":{"Mounts":[{"Type":"volume","type":"bind","Source":"/a"}]}}"#),
        (CREATE, r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","source":"/b"}]}}"#),
        (CREATE, r#"{"HostConfig":{"Binds":"/a:/b"}}"#),
        (CREATE, r#"{"HostConfig":{"Binds":[["/a:/b"]]}}"#),
        (CREATE, r#"{"HostConfig":{"Binds":["/a:/b:ro:x"]}}"#),
        (CREATE, r#"{"HostConfig":["/a:/b"]}"#),
        (CREATE, r#"{"HostConfig":{"Mounts":{"Type":"bind"}}}"#),
        (CREATE, r#"[]"#),
        (CREATE, r#"{"HostConfig":{}} {}"#),
        (CREATE, r#"{"HostConfig":{"Binds":["\ud800"]}}"#),
        (CREATE, "{"),
        (Route::VolumeCreate, r#"{"DriverOpts":{"o":"bind","device":"/a","device":"/b"}}"#),
        (Route::VolumeCreate, r#"{"DriverOpts":{"o":"ro","o":"bind","device":"/a"}}"#),
    ] {
        assert!(names(&route, body).is_err(), "{body}");
    }
}

#[test]
fn a_place_with_a_colon_can_be_mounted_and_not_bound() {
    let to = vec!["/machine/a:b".to_owned()];
    let bind = find(&CREATE, r#"{"HostConfig":{"Binds":["/link:/b"]}}"#, System::Unix).unwrap();
    assert!(matches!(bind.rewrite(&to), Err(Unclear::Colon(_))));
    let mount = find(&CREATE, r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/link"}]}}"#, System::Unix).unwrap();
    assert!(mount.rewrite(&to).unwrap().unwrap().contains("/machine/a:b"));
}

#[test]
fn the_rest_stays_byte_for_byte() {
    let body = r#"{ "New": {"a":1,"a":2}, "Memory":123456789012345678901234567890.50,
        "HostConfig": {"Other":[1e999], "Binds" : [ "/a b/\u00fc:/b:ro,z,rslave,nocopy" ] } }"#;
    let expected = body.replace(r#""/a b/\u00fc:/b"#, "\"/machine/a b/ü:/b");
    assert_eq!(moved(&CREATE, body).unwrap(), expected);
}
