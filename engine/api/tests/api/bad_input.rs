use std::{os::unix::fs::MetadataExt, time::Duration};

use causeway_api::{
    rpc::{BATCH_MAX, REQUEST_BYTES_MAX},
    server::CONNECTIONS_MAX,
    *,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{UnixStream, unix::OwnedReadHalf, unix::OwnedWriteHalf},
    time::timeout,
};

use crate::handler::Served;

/// A client that says what it likes.
struct Raw {
    lines: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Raw {
    async fn connect(served: &Served) -> Self {
        let (read, write) = UnixStream::connect(served.home.engine_socket()).await.unwrap().into_split();
        Self { lines: BufReader::new(read).lines(), write }
    }

    async fn say(&mut self, text: impl AsRef<[u8]>) {
        self.write.write_all(text.as_ref()).await.unwrap();
        self.write.write_all(b"\n").await.unwrap();
    }

    async fn hear(&mut self) -> Option<Value> {
        let line = timeout(Duration::from_secs(10), self.lines.next_line()).await.unwrap().unwrap();
        line.map(|line| serde_json::from_str(&line).unwrap())
    }
}

#[tokio::test]
async fn garbage_is_answered_and_the_connection_goes_on() {
    let served = Served::start();
    let mut raw = Raw::connect(&served).await;
    let deep = "[".repeat(100_000);
    for (line, id, number) in [
        ("hello", json!(null), -32700),
        ("\u{0}\u{1}", json!(null), -32700),
        ("", json!(null), -32700),
        (&deep, json!(null), -32700),
        ("42", json!(null), -32600),
        ("[]", json!(null), -32600),
        (r#"{"jsonrpc":"1.0","id":7,"method":"doctor"}"#, json!(7), -32600),
        (r#"{"jsonrpc":"2.0","id":7}"#, json!(7), -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"doctor"}"#, json!(null), -32600),
        (r#"{"jsonrpc":"2.0","id":"a","method":"doctor","params":3}"#, json!("a"), -32600),
        (r#"{"jsonrpc":"2.0","id":8,"method":"nothing"}"#, json!(8), -32601),
        (r#"{"jsonrpc":"2.0","id":9,"method":"share.show","params":{"share":[]}}"#, json!(9), -32602),
    ] {
        raw.say(line).await;
        let answer = raw.hear().await.unwrap();
        let shown = &line[..line.len().min(60)];
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(number)), "{shown}: {answer}");
        assert!(answer["error"]["data"]["code"].is_string(), "{shown}: {answer}");
    }
    raw.say(b"\xff\xfe{").await;
    assert_eq!(raw.hear().await.unwrap()["error"]["code"], -32700);
    raw.say(r#"{"jsonrpc":"2.0","id":1,"method":"doctor"}"#).await;
    assert_eq!(raw.hear().await.unwrap(), json!({"jsonrpc": "2.0", "id": 1, "result": []}));
}

#[tokio::test]
async fn an_oversized_line_ends_the_connection_and_no_other() {
    let served = Served::start();
    let client = served.client().await;
    let mut raw = Raw::connect(&served).await;
    let Raw { write, .. } = &mut raw;
    // Without a newline: it is refused before its end.
    let _ = write.write_all(&vec![b'x'; REQUEST_BYTES_MAX + 1]).await;
    assert_eq!(raw.hear().await.unwrap()["error"]["data"]["code"], "line_too_long");
    assert_eq!(raw.hear().await, None);
    client.engine_status(&Nothing {}).await.unwrap();
}

#[tokio::test]
async fn the_longest_line_is_good() {
    let served = Served::start();
    let mut raw = Raw::connect(&served).await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"doctor"}"#;
    raw.say(format!("{call}{}", " ".repeat(REQUEST_BYTES_MAX - call.len()))).await;
    assert_eq!(raw.hear().await.unwrap()["result"], json!([]));
}

#[tokio::test]
async fn the_client_refuses_to_say_too_long_a_line() {
    let served = Served::start();
    let client = served.client().await;
    let share = "x".repeat(REQUEST_BYTES_MAX);
    match client.share_show(&OfShare { share }).await {
        Err(CallError::Api(error)) => assert_eq!(error.code, ErrorCode::LineTooLong),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_batch_is_answered_together() {
    let served = Served::start();
    let mut raw = Raw::connect(&served).await;
    raw.say(
        json!([
            {"jsonrpc": "2.0", "id": 1, "method": "doctor"},
            {"jsonrpc": "2.0", "method": "doctor"},
            17,
            {"jsonrpc": "2.0", "id": 2, "method": "share.show", "params": {"share": "nix"}},
            {"jsonrpc": "2.0", "id": 3, "method": "subscribe"},
        ])
        .to_string(),
    )
    .await;
    let Value::Array(answers) = raw.hear().await.unwrap() else { panic!() };
    let of = |id: Value| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(answers.len(), 4);
    assert_eq!(of(json!(1))["result"], json!([]));
    assert_eq!(of(json!(null))["error"]["code"], -32600);
    assert_eq!(of(json!(2))["error"]["data"]["code"], "no_such_share");
    assert_eq!(of(json!(3))["error"]["data"]["code"], "invalid_request");

    let too_many = vec![json!({"jsonrpc": "2.0", "id": 1, "method": "doctor"}); BATCH_MAX + 1];
    raw.say(json!(too_many).to_string()).await;
    assert_eq!(raw.hear().await.unwrap()["error"]["code"], -32600);
}

#[tokio::test]
async fn notifications_have_no_answer() {
    let served = Served::start();
    served.memory.add("web");
    let mut raw = Raw::connect(&served).await;
    raw.say(r#"{"jsonrpc":"2.0","method":"share.pause","params":{"share":"web"}}"#).await;
    raw.say(r#"[{"jsonrpc":"2.0","method":"nothing"}]"#).await;
    raw.say(r#"{"jsonrpc":"2.0","id":1,"method":"doctor"}"#).await;
    assert_eq!(raw.hear().await.unwrap()["id"], 1);
    let paused = || served.memory.feed().snapshot().shares[0].state == State::Paused;
    crate::handler::eventually("it was carried out", paused).await;
}

#[tokio::test]
async fn connections_are_bounded() {
    let served = Served::start();
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let client = served.client().await;
        client.engine_status(&Nothing {}).await.unwrap();
        connections.push(client);
    }
    match served.client().await.engine_status(&Nothing {}).await {
        Err(CallError::Api(error)) => assert_eq!(error.code, ErrorCode::TooManyConnections),
        other => panic!("{other:?}"),
    }
    connections.pop();
    for _ in 0..200 {
        if served.client().await.engine_status(&Nothing {}).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place of a client that left is never free again");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_itself_alone() {
    let served = Served::start();
    served.memory.path_bytes.store(1000, std::sync::atomic::Ordering::SeqCst);
    let mut deaf = Raw::connect(&served).await;
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "share.problems", "params": {"share": "web", "limit": 1000}});
    // Far more than the bounds and the socket's buffers hold; the server stops reading.
    let talking = async {
        for _ in 0..10_000 {
            deaf.say(ask.to_string()).await;
        }
    };
    assert!(timeout(Duration::from_secs(2), talking).await.is_err(), "it is never made to wait");
    let client = served.client().await;
    timeout(Duration::from_secs(5), client.engine_status(&Nothing {})).await.unwrap().unwrap();
}

#[tokio::test]
async fn only_the_user_can_reach_the_socket() {
    let served = Served::start();
    let socket = std::fs::metadata(served.home.engine_socket()).unwrap();
    assert_eq!(socket.mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(served.home.sockets_dir()).unwrap().mode() & 0o777, 0o700);
}

/// The other user is one that this process turns into, in a child, so it needs root. The directory and the socket are
/// opened to all, so that the server's own check is what is left.
#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_turned_away() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("only root can become another user to try; the modes are checked in another test");
        return;
    }
    let served = Served::start();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(served.home.root(), 0o755);
    open(served.home.sockets_dir(), 0o755);
    open(&served.home.engine_socket(), 0o666);
    let socket = served.home.engine_socket();
    let script = r#"
        import socket, sys
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        s.connect(sys.argv[1])
        try:
            s.sendall(b'{"jsonrpc":"2.0","id":1,"method":"doctor"}\n')
            print(len(s.recv(100)))
        except (BrokenPipeError, ConnectionResetError):
            print(0)
    "#;
    let script: String =
        script.lines().map(|line| line.strip_prefix("        ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
    let run = |uid: u32| {
        let (script, socket) = (script.clone(), socket.clone());
        tokio::task::spawn_blocking(move || {
            let output =
                std::process::Command::new("python3").arg("-c").arg(script).arg(socket).uid(uid).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        })
    };
    assert_ne!(run(0).await.unwrap(), "0", "the user itself is answered");
    assert_eq!(run(65534).await.unwrap(), "0", "another user hears nothing");
}
