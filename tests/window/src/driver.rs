//! The window, steered by WebDriver: <https://www.w3.org/TR/webdriver2/>.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use causeway_e2e::{PATIENCE, eventually};
use serde_json::{Value, json};

/// Longest that one command of the driver may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// The key by which WebDriver names an element (section 12 of the standard).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What finds an element by its role and name, as assistive technology would, without the labels that only it reads.
const FIND: &str = r#"
const [selector, text] = arguments;
const name = (one) => (one.getAttribute("aria-label") ?? one.innerText ?? one.textContent ?? "").trim();
const shown = (one) => one.getClientRects().length > 0;
return [...document.querySelectorAll(selector)].find((one) => shown(one) && name(one).includes(text)) ?? null;
"#;

/// The app's window.
pub struct Window {
    driver: Child,
    port: u16,
    session: String,
}

impl Window {
    /// Opens the program `app` through the driver that listens on `port`.
    pub(crate) fn open(driver: Child, port: u16, app: &Path) -> Self {
        let mut window = Self { driver, port, session: String::new() };
        eventually(
            || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
            || "the driver doesn't listen".to_owned(),
        );
        let wanted = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": { "binary": app } } } });
        let opened = window.ask("POST", "/session", Some(&wanted)).expect("the app opens");
        window.session = opened["sessionId"].as_str().unwrap().to_owned();
        window.see("footer", "");
        window
    }

    /// One request; the error is what the driver says.
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).map_err(|e| e.to_string())?;
        stream.set_read_timeout(Some(COMMAND_LIMIT)).unwrap();
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", self.port);
        let length = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &length + &body).as_bytes()).map_err(|e| e.to_string())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(|e| format!("{path}: {e}"))?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        let value: Value = serde_json::from_str(body).map_err(|e| format!("{e}: {body}"))?;
        if head.starts_with("HTTP/1.1 200") { Ok(value["value"].clone()) } else { Err(value["value"].to_string()) }
    }

    fn of_session(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        self.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    /// Runs a script in the window.
    pub fn run(&self, script: &str, arguments: &Value) -> Value {
        let body = json!({ "script": script, "args": arguments });
        self.of_session("POST", "/execute/sync", Some(&body)).unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    fn find(&self, selector: &str, text: &str) -> Option<String> {
        self.run(FIND, &json!([selector, text]))[ELEMENT].as_str().map(str::to_owned)
    }

    /// Waits for an element that is to be seen, by a selector and by what its name holds.
    pub fn see(&self, selector: &str, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.find(selector, text) {
                return found;
            }
            assert!(Instant::now() < deadline, "in vain: {selector} with \"{text}\" in\n{}", self.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until there is no such element any more.
    pub fn see_no(&self, selector: &str, text: &str) {
        eventually(
            || self.find(selector, text).is_none(),
            || format!("{selector} with \"{text}\" is still there in\n{}", self.text()),
        );
    }

    /// Clicks an element.
    pub fn click(&self, selector: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        // It may be drawn anew in between.
        loop {
            let element = self.see(selector, text);
            match self.of_session("POST", &format!("/element/{element}/click"), Some(&json!({}))) {
                Ok(_) => return,
                Err(error) => assert!(Instant::now() < deadline, "{selector} with \"{text}\": {error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Types into a field, in place of what stands there.
    pub fn write(&self, selector: &str, text: &str) {
        let element = self.see(selector, "");
        self.of_session("POST", &format!("/element/{element}/clear"), Some(&json!({}))).unwrap();
        self.of_session("POST", &format!("/element/{element}/value"), Some(&json!({ "text": text }))).unwrap();
    }

    /// All text of the window.
    pub fn text(&self) -> String {
        self.run("return document.body.innerText", &json!([])).as_str().unwrap_or_default().to_owned()
    }

    /// Ends the app as its menu does.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !self.session.is_empty() {
            let _ = self.of_session("DELETE", "", None);
            self.session.clear();
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.end();
    }
}
