//! Tray icons, read over the session bus as a panel reads them: the StatusNotifierItem specification of freedesktop.org, and
//! `com.canonical.dbusmenu` for the menu.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use causeway_e2e::eventually;
use zbus::blocking::{Connection, Proxy, connection::Builder};
use zbus::message::Header;
use zbus::zvariant::{OwnedValue, Value};

/// Where an icon is: the name on the bus, and the object.
type Item = (String, String);

/// Watches tray icons.
pub struct Tray {
    connection: Connection,
    items: Arc<Mutex<Vec<Item>>>,
}

/// A picture, as its pixels.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    size: (u32, u32),
    pixels: Vec<u8>,
}

impl Picture {
    /// Of a PNG file; `None` where that can't be read.
    pub fn read(place: &Path) -> Option<Self> {
        let mut reader = png::Decoder::new(BufReader::new(File::open(place).ok()?)).read_info().ok()?;
        let mut pixels = vec![0; reader.output_buffer_size()?];
        let info = reader.next_frame(&mut pixels).ok()?;
        pixels.truncate(info.buffer_size());
        Some(Self { size: (info.width, info.height), pixels })
    }
}

/// An entry of the icon's menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: i32,
    /// What it says.
    pub label: String,
    /// Whether it can be chosen.
    pub enabled: bool,
}

struct Watcher {
    items: Arc<Mutex<Vec<Item>>>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // Either the object on the sender's own name, or a name with the usual object.
        let item = if service.starts_with('/') {
            (sender, service.to_owned())
        } else {
            (service.to_owned(), "/StatusNotifierItem".to_owned())
        };
        self.items.lock().unwrap().push(item);
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.lock().unwrap().iter().map(|(name, object)| format!("{name}{object}")).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

/// What `GetLayout` answers: a revision, and the root with its properties and children.
type Layout = (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>));

impl Tray {
    /// Watches the icons of a bus.
    pub(crate) fn watch(bus: &str) -> Self {
        let items = Arc::default();
        let watcher = Watcher { items: Arc::clone(&items) };
        let connection = Builder::address(bus)
            .and_then(|builder| builder.serve_at("/StatusNotifierWatcher", watcher))
            .and_then(|builder| builder.name("org.kde.StatusNotifierWatcher"))
            .and_then(Builder::build)
            .expect("the bus is ours");
        Self { connection, items }
    }

    fn item(&self) -> Item {
        eventually(|| !self.items.lock().unwrap().is_empty(), || "no tray icon comes".to_owned());
        self.items.lock().unwrap().last().unwrap().clone()
    }

    fn proxy<'a>(&self, object: &'a str, interface: &'static str) -> Proxy<'a> {
        let (name, _) = self.item();
        Proxy::new(&self.connection, name, object, interface).unwrap()
    }

    fn of_item<T: TryFrom<OwnedValue>>(&self, property: &str) -> T
    where
        T::Error: Into<zbus::Error>,
    {
        let (_, object) = self.item();
        self.proxy(&object, "org.kde.StatusNotifierItem").get_property(property).unwrap()
    }

    /// The picture that is shown.
    pub fn picture(&self) -> Option<Picture> {
        let name: String = self.of_item("IconName");
        let directory: String = self.of_item("IconThemePath");
        let place = if name.starts_with('/') { PathBuf::from(name) } else { Path::new(&directory).join(name) };
        // It may be replaced at this moment.
        Picture::read(&place).or_else(|| Picture::read(&place.with_added_extension("png")))
    }

    /// The menu, without its lines.
    pub fn menu(&self) -> Vec<Entry> {
        let menu: zbus::zvariant::OwnedObjectPath = self.of_item("Menu");
        let none: Vec<&str> = Vec::new();
        let (_, (_, _, children)): Layout =
            self.proxy(menu.as_str(), "com.canonical.dbusmenu").call("GetLayout", &(0_i32, -1_i32, none)).unwrap();
        children.iter().filter_map(entry).collect()
    }

    /// What the menu says first: the overall state.
    pub fn state(&self) -> String {
        self.menu().first().map(|entry| entry.label.clone()).unwrap_or_default()
    }

    /// Waits until the overall state is this.
    pub fn wait_for(&self, state: &str) {
        eventually(|| self.state() == state, || format!("the tray says {:?} and not {state:?}", self.menu()));
    }

    /// Waits until the picture of a state is shown, as it is on a light panel.
    pub fn wait_for_picture(&self, state: &str) {
        let icons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../icons/tray");
        let wanted = Picture::read(&icons.join(format!("{state}-light.png"))).expect("the icon is in the repository");
        eventually(|| self.picture().as_ref() == Some(&wanted), || format!("the tray doesn't show {state}"));
    }

    /// Chooses an entry of the menu, as a click does.
    pub fn choose(&self, label: &str) {
        let entry = self.menu().into_iter().find(|entry| entry.label.starts_with(label));
        let entry = entry.unwrap_or_else(|| panic!("no {label} in {:?}", self.menu()));
        let menu: zbus::zvariant::OwnedObjectPath = self.of_item("Menu");
        let nothing = Value::from(0_i32);
        let clicked: zbus::Result<()> =
            self.proxy(menu.as_str(), "com.canonical.dbusmenu").call("Event", &(entry.id, "clicked", nothing, 0_u32));
        clicked.unwrap();
    }
}

fn entry(child: &OwnedValue) -> Option<Entry> {
    let Value::Structure(parts) = &**child else { return None };
    let [Value::I32(id), Value::Dict(properties), ..] = parts.fields() else { return None };
    let label = properties.get::<&str, String>(&"label").ok().flatten()?;
    let enabled = properties.get::<&str, bool>(&"enabled").ok().flatten().unwrap_or(true);
    // An underscore marks the key that chooses the entry; a doubled one is itself.
    Some(Entry { id: *id, label: label.replace("__", "\u{0}").replace('_', "").replace('\u{0}', "_"), enabled })
}
