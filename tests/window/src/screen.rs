//! Windows on the display, as its own protocol tells of them. There is no window manager: windows stand below the root.

use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConfigureWindowAux, ConnectionExt, EventMask, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

/// A display.
pub struct Screen {
    pub(crate) connection: RustConnection,
    pub(crate) root: Window,
}

impl Screen {
    /// Connects to a display.
    pub(crate) fn connect(display: &str) -> Self {
        let (connection, number) = x11rb::connect(Some(display)).expect("the display is ours");
        let root = connection.setup().roots[number].root;
        Self { connection, root }
    }

    pub(crate) fn atom(&self, name: &str) -> u32 {
        self.connection.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    /// The windows of this title that are to be seen.
    pub fn shown(&self, title: &str) -> Vec<Window> {
        let children = self.connection.query_tree(self.root).unwrap().reply().unwrap().children;
        children.into_iter().filter(|window| self.is_shown(*window, title)).collect()
    }

    /// One that vanishes meanwhile isn't shown.
    fn is_shown(&self, window: Window, title: &str) -> bool {
        let attributes = self.connection.get_window_attributes(window).unwrap().reply();
        let name =
            self.connection.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64).unwrap().reply();
        attributes.is_ok_and(|attributes| attributes.map_state == MapState::VIEWABLE)
            && name.is_ok_and(|name| name.value == title.as_bytes())
    }

    /// Makes a window as large as a person does who draws at its corner.
    pub fn resize(&self, window: Window, width: u32, height: u32) {
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.connection.configure_window(window, &size).unwrap();
        self.connection.flush().unwrap();
    }

    /// Asks the program to close its window, as the button of a title bar does: WM_DELETE_WINDOW of the ICCCM, section 4.2.8.
    pub fn close(&self, window: Window) {
        let data = [self.atom("WM_DELETE_WINDOW"), 0, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, self.atom("WM_PROTOCOLS"), data);
        self.connection.send_event(false, window, EventMask::NO_EVENT, event).unwrap();
        self.connection.flush().unwrap();
    }
}
