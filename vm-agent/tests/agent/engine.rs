//! What the engine does for an agent, as far as these tests need it.

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use causeway_sync::ignore::RuleTexts;
use causeway_sync::{Change, Changes, Hello, Seq};
use causeway_wire::agent::{
    AgentAnswer, AgentCall, AgentReply, AgentRequest, Lanes, RequestId, ShareId, ShareSettings, Symlinks,
};
use causeway_wire::greeting::{self, Admission, Dial, GreetingError, Purpose, Secret};
use causeway_wire::share::{ShareCall, ShareReply, ShareRequest, ShareSaid};
use causeway_wire::{FrameReader, FrameWriter};

/// Longest wait of a test for anything.
pub const LIMIT: Duration = Duration::from_secs(30);
pub const SHARE: ShareId = ShareId([0xab; 16]);

/// Where an agent runs.
pub struct Ground {
    pub dir: tempfile::TempDir,
    pub listener: UnixListener,
    secret: Secret,
}

/// A running agent; killed with the test.
pub struct Agent {
    pub child: Child,
    pub life_line: Option<ChildStdin>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    pub fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the agent does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Ground {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("engine.sock")).unwrap();
        Self { dir, listener, secret: Secret([7; 32]) }
    }

    pub fn disk(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    pub fn start(&self, secret: &Secret) -> Agent {
        let mut child = Command::new(env!("CARGO_BIN_EXE_causeway-agent"))
            .arg("--socket")
            .arg(self.dir.path().join("engine.sock"))
            .arg("--disk")
            .arg(self.disk())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut life_line = child.stdin.take().unwrap();
        life_line.write_all(&secret.0).unwrap();
        Agent { child, life_line: Some(life_line) }
    }

    pub fn accept(&self) -> Result<(UnixStream, Dial), GreetingError> {
        let (mut stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let dial = greeting::receive(&mut stream, &self.secret)?;
        greeting::admit(&mut stream, Admission::Welcome).unwrap();
        Ok((stream, dial))
    }

    /// A connected agent.
    pub fn connected(&self) -> (Agent, Control) {
        let agent = self.start(&self.secret);
        let (stream, dial) = self.accept().unwrap();
        assert_eq!(dial.purpose, Purpose::Agent);
        assert_eq!(dial.pid, agent.child.id());
        (agent, Control::new(stream))
    }

    /// Opens a share's own connection.
    pub fn share(&self, control: &mut Control, session: u64) -> Session {
        control.send(AgentRequest::DialStreams { share: SHARE, session, lanes: Lanes(Vec::new()) });
        let (stream, dial) = self.accept().unwrap();
        assert_eq!(dial.purpose, Purpose::Share { share: SHARE, session });
        assert_eq!(control.answer(), AgentReply::Done);
        Session::new(stream)
    }
}

/// The agent's control connection.
pub struct Control {
    writer: FrameWriter<UnixStream>,
    reader: FrameReader<UnixStream>,
    last: u32,
}

impl Control {
    fn new(stream: UnixStream) -> Self {
        Self { writer: FrameWriter::new(stream.try_clone().unwrap()), reader: FrameReader::new(stream), last: 0 }
    }

    pub fn send(&mut self, request: AgentRequest) {
        self.last += 1;
        self.writer.send(&AgentCall { id: RequestId(self.last), request }).unwrap();
    }

    pub fn answer(&mut self) -> AgentReply {
        let AgentAnswer { id, reply } = self.reader.read().unwrap().unwrap();
        assert_eq!(id, RequestId(self.last));
        reply
    }

    pub fn ask(&mut self, request: AgentRequest) -> AgentReply {
        self.send(request);
        self.answer()
    }

    /// Opens the share; gives where its content stands.
    pub fn open(&mut self) -> PathBuf {
        let settings =
            ShareSettings { share: SHARE, name: "test".into(), symlinks: Symlinks::Raw, rules: RuleTexts::default() };
        match self.ask(AgentRequest::OpenShare(settings)) {
            AgentReply::Opened { content, .. } => PathBuf::from(String::from_utf8(content).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// Whether the agent has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.reader.read_body(), Ok(None))
    }
}

/// A share's own connection.
pub struct Session {
    writer: FrameWriter<UnixStream>,
    reader: FrameReader<UnixStream>,
    last: u32,
    pub hello: Hello,
    after: Seq,
}

impl Session {
    fn new(stream: UnixStream) -> Self {
        let mut writer = FrameWriter::new(stream.try_clone().unwrap());
        let mut reader = FrameReader::new(stream);
        writer.send(&ShareCall::Request { id: RequestId(1), request: ShareRequest::Begin }).unwrap();
        let ShareReply::Begun(hello) = reply(&mut reader) else { panic!() };
        Self { writer, reader, last: 1, hello, after: Seq(0) }
    }

    fn ask(&mut self, request: ShareRequest) -> ShareReply {
        self.last += 1;
        self.writer.send(&ShareCall::Request { id: RequestId(self.last), request }).unwrap();
        reply(&mut self.reader)
    }

    pub fn pull(&mut self) -> Changes {
        match self.ask(ShareRequest::Pull { after: self.after, limit: 4096 }) {
            ShareReply::Changes { changes, more: false, upto, as_of, crawled } => {
                self.after = upto;
                Changes { changes, upto, as_of, crawled }
            }
            other => panic!("{other:?}"),
        }
    }

    /// Pulls until a change of this path is told.
    pub fn pull_until(&mut self, wanted: &str) {
        let is_wanted = |change: &Change| matches!(change, Change::Now { path, .. } if path.to_string() == wanted);
        while !self.pull().changes.iter().any(is_wanted) {}
    }

    pub fn sync(&mut self) {
        assert_eq!(self.ask(ShareRequest::Sync), ShareReply::Synced(Ok(())));
    }

    pub fn is_closed(&mut self) -> bool {
        matches!(self.reader.read_body(), Ok(None))
    }
}

fn reply(reader: &mut FrameReader<UnixStream>) -> ShareReply {
    loop {
        if let ShareSaid::Reply { reply, .. } = reader.read().unwrap().unwrap() {
            return reply;
        }
    }
}

pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
