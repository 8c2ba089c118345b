use causeway_api::*;
use ts_rs::{Config, TS};

/// Where the definitions of all types come from: whoever exports these exports every type below them.
#[test]
fn every_type_has_a_definition() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::new().with_out_dir(dir.path()).with_large_int("number");
    Snapshot::export_all(&config).unwrap();
    feed::Delta::export_all(&config).unwrap();
    Conflict::export_all(&config).unwrap();
    ApiError::export_all(&config).unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let share = read("ShareInfo.ts");
    assert!(share.contains("host_path: PathBytes"), "{share}");
    assert!(read("PathBytes.ts").contains("string | { bytes: string, text?: string }"));
    assert!(read("Timestamp.ts").contains("= string;"));
    assert!(share.contains("pending: number"), "{share}");
    assert!(read("SideEntry.ts").contains(r#""kind": "absent""#));
    assert!(read("ErrorCode.ts").contains(r#""no_such_share""#));
}
