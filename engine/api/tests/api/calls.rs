use std::sync::atomic::Ordering;

use causeway_api::*;

use crate::handler::{Served, eventually};

fn code(result: Result<impl std::fmt::Debug, CallError>) -> ErrorCode {
    match result {
        Err(CallError::Api(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn requests_and_replies_cross_whole() {
    let served = Served::start();
    let added = served.memory.add("web");
    let client = served.client().await;
    assert_eq!(client.share_show(&OfShare { share: "web".into() }).await.unwrap(), added);
    assert_eq!(client.share_show(&OfShare { share: added.id.0.clone() }).await.unwrap(), added);
    assert_eq!(client.share_list(&Nothing {}).await.unwrap(), [added]);
    assert_eq!(client.engine_status(&Nothing {}).await.unwrap().protocol, PROTOCOL_VERSION);
    let paused = client.share_pause(&OfShare { share: "web".into() }).await.unwrap();
    assert_eq!(paused.state, State::Paused);
}

#[tokio::test]
async fn errors_carry_code_sentence_and_remedy() {
    let served = Served::start();
    let client = served.client().await;
    let Err(CallError::Api(error)) = client.share_show(&OfShare { share: "nix".into() }).await else { panic!() };
    assert_eq!(error, ApiError::no_such_share("nix"));
}

#[tokio::test]
async fn unknown_methods_and_wrong_parameters_are_told_apart() {
    let served = Served::start();
    let client = served.client().await;
    assert_eq!(code(client.call::<Nothing>("share.fly", &Nothing {}).await), ErrorCode::MethodNotFound);
    assert_eq!(code(client.call::<Nothing>("share.show", &Nothing {}).await), ErrorCode::InvalidParams);
    let bad_name = serde_json::json!({"host_path": "/x", "name": "a b"});
    assert_eq!(code(client.call::<Nothing>("share.create", &bad_name).await), ErrorCode::InvalidParams);
}

#[tokio::test]
async fn a_late_reply_holds_up_nothing() {
    let served = Served::start();
    served.memory.add("web");
    let client = served.client().await;
    let flush = FlushShare { share: "web".into(), timeout_ms: 0 };
    tokio::select! {
        _ = client.share_flush(&flush) => panic!("it waits for ever"),
        () = async {
            eventually("the flush began", || served.memory.flushing.load(Ordering::SeqCst) == 1).await;
            client.engine_status(&Nothing {}).await.unwrap();
        } => {}
    }
}

#[tokio::test]
async fn a_flush_is_given_up_when_its_client_leaves() {
    let served = Served::start();
    served.memory.add("web");
    let client = served.client().await;
    let waiting =
        tokio::spawn(async move { client.share_flush(&FlushShare { share: "web".into(), timeout_ms: 0 }).await });
    eventually("the flush began", || served.memory.flushing.load(Ordering::SeqCst) == 1).await;
    waiting.abort();
    eventually("the flush was given up", || served.memory.flushing.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let served = Served::start();
    let client = served.client().await;
    assert_eq!(code(client.share_prune(&OfShare { share: "web".into() }).await), ErrorCode::Internal);
    client.engine_status(&Nothing {}).await.unwrap();
}

#[tokio::test]
async fn lists_come_page_by_page_and_whole() {
    for path_bytes in [8, 20_000] {
        let served = Served::start();
        served.memory.path_bytes.store(path_bytes, Ordering::SeqCst);
        let client = served.client().await;
        let mut pages = client.pages::<Problem>("share.problems", "web");
        let (mut count, mut calls) = (0, 0);
        while let Some(page) = pages.next().await.unwrap() {
            for problem in page.items {
                assert_eq!(problem.path.to_text().parse::<usize>().unwrap(), count);
                count += 1;
            }
            calls += 1;
        }
        assert_eq!(count, 2500);
        assert!(if path_bytes == 8 { calls == 3 } else { calls > 3 }, "{calls} pages of {path_bytes}-byte paths");
    }
}

#[tokio::test]
async fn a_request_at_work_is_answered_before_the_server_ends() {
    let mut served = Served::start();
    served.memory.add("web");
    let client = served.client().await;
    let flush = FlushShare { share: "web".into(), timeout_ms: 300 };
    let (flushed, ()) = tokio::join!(client.share_flush(&flush), async {
        eventually("the flush began", || served.memory.flushing.load(Ordering::SeqCst) == 1).await;
        served.ask_to_stop().await.unwrap();
    });
    assert_eq!(flushed.unwrap().took_ms, 300);
    assert!(!served.home.engine_socket().exists());
    assert!(matches!(Client::connect(&served.home).await, Err(CallError::NotRunning { .. })));
    assert!(client.engine_status(&Nothing {}).await.is_err());
}

#[tokio::test]
async fn no_engine_is_told_apart_from_other_failures() {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let home = Home::at(dir.path()).unwrap();
    assert!(matches!(Client::connect(&home).await, Err(CallError::NotRunning { .. })));
    home.prepare().unwrap();
    // What an engine that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(home.engine_socket()).unwrap());
    assert!(matches!(Client::connect(&home).await, Err(CallError::NotRunning { .. })));
    let _listener = socket::listen(&home).unwrap();
    Client::connect(&home).await.unwrap();
}
