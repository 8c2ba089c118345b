//! Desktop notifications, taken over the session bus as a desktop takes them: the Desktop Notifications specification of freedesktop.org.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use causeway_e2e::eventually;
use zbus::blocking::{Connection, connection::Builder};
use zbus::zvariant::OwnedValue;

/// The titles and texts of notifications, the first one first.
type Told = Arc<Mutex<Vec<(String, String)>>>;

/// Takes what programs have to tell, until it is dropped.
pub struct Notifications {
    told: Told,
    _connection: Connection,
}

struct Server {
    told: Told,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[allow(clippy::too_many_arguments)] // the specification's
    fn notify(
        &self,
        _program: &str,
        _replaces: u32,
        _icon: &str,
        title: &str,
        text: &str,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires_ms: i32,
    ) -> u32 {
        let mut told = self.told.lock().unwrap();
        told.push((title.to_owned(), text.to_owned()));
        u32::try_from(told.len()).unwrap()
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("test".to_owned(), "Causeway".to_owned(), "1".to_owned(), "1.2".to_owned())
    }
}

impl Notifications {
    pub(crate) fn take(bus: &str) -> Self {
        let told = Told::default();
        let connection = Builder::address(bus)
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .serve_at("/org/freedesktop/Notifications", Server { told: Arc::clone(&told) })
            .unwrap()
            .build()
            .expect("the bus is ours");
        Self { told, _connection: connection }
    }

    /// All of them, title and text.
    pub fn told(&self) -> Vec<(String, String)> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until there are so many.
    pub fn wait_for(&self, number: usize) {
        eventually(|| self.told().len() >= number, || format!("only {:?} were told", self.told()));
    }
}
