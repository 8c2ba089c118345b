//! Files dragged over the window and dropped there, as a file manager does it: <https://www.freedesktop.org/wiki/Specifications/XDND/>.

use std::path::Path;
use std::time::Instant;

use causeway_e2e::PATIENCE;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;

use crate::Screen;

/// The version of the protocol that is spoken.
const VERSION: u32 = 5;

/// A drag that is under way, with one folder.
pub struct Drag<'a> {
    screen: &'a Screen,
    source: Window,
    target: Window,
    uris: String,
}

impl Screen {
    /// Begins to drag a folder over a window.
    pub fn drag(&self, folder: &Path, target: Window) -> Drag<'_> {
        let source = self.connection.generate_id().unwrap();
        let look = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        self.connection
            .create_window(0, source, self.root, 0, 0, 1, 1, 0, WindowClass::INPUT_OUTPUT, 0, &look)
            .unwrap();
        self.connection.set_selection_owner(source, self.atom("XdndSelection"), x11rb::CURRENT_TIME).unwrap();
        let drag = Drag { screen: self, source, target, uris: format!("file://{}\r\n", folder.display()) };
        drag.send("XdndEnter", [source, VERSION << 24, self.atom("text/uri-list"), 0, 0]);
        drag
    }
}

impl Drag<'_> {
    /// Moves the pointer with what is dragged to a place on the screen, and waits until the window would take it.
    pub fn over(&self, x: u16, y: u16) {
        let deadline = Instant::now() + PATIENCE;
        // A program that looks at what is dragged first refuses meanwhile; people go on moving.
        for step in 0.. {
            let place = (u32::from(x) << 16) | u32::from(y + step % 2);
            let copy = self.screen.atom("XdndActionCopy");
            self.send("XdndPosition", [self.source, 0, place, x11rb::CURRENT_TIME, copy]);
            if self.wait_for("XdndStatus")[1] & 1 == 1 {
                return;
            }
            assert!(Instant::now() < deadline, "the window takes nothing");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Lets go of it, and waits until the window has taken it.
    pub fn drop_it(self) {
        self.send("XdndDrop", [self.source, 0, x11rb::CURRENT_TIME, 0, 0]);
        self.wait_for("XdndFinished");
        self.screen.connection.destroy_window(self.source).unwrap();
        self.screen.connection.flush().unwrap();
    }

    fn send(&self, kind: &str, data: [u32; 5]) {
        let event = ClientMessageEvent::new(32, self.target, self.screen.atom(kind), data);
        self.screen.connection.send_event(false, self.target, EventMask::NO_EVENT, event).unwrap();
        self.screen.connection.flush().unwrap();
    }

    /// Waits for a message of the window, and tells meanwhile what is dragged when it asks.
    fn wait_for(&self, kind: &str) -> [u32; 5] {
        let (deadline, kind_atom) = (Instant::now() + PATIENCE, self.screen.atom(kind));
        loop {
            match self.screen.connection.poll_for_event().unwrap() {
                Some(Event::ClientMessage(message)) if message.type_ == kind_atom => return message.data.as_data32(),
                Some(Event::SelectionRequest(request)) => self.tell(&request),
                Some(_) => {}
                None => {
                    assert!(Instant::now() < deadline, "no {kind} comes");
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            }
        }
    }

    fn tell(&self, request: &SelectionRequestEvent) {
        let connection = &self.screen.connection;
        let property = if request.target == self.screen.atom("text/uri-list") {
            let (place, kind) = (request.property, request.target);
            connection
                .change_property8(PropMode::REPLACE, request.requestor, place, kind, self.uris.as_bytes())
                .unwrap();
            place
        } else {
            AtomEnum::NONE.into()
        };
        let told = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property,
        };
        connection.send_event(false, request.requestor, EventMask::NO_EVENT, told).unwrap();
        connection.flush().unwrap();
    }
}
