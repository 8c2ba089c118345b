//! The TypeScript definitions of the window stand in one file, which is as the types are.

use causeway_api::typescript::Definitions;

use crate::commands::settings::{AppAbout, AppPreferences};
use crate::events::AppEvent;
use crate::logs::LogLine;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/src/lib/ipc/generated.ts");
/// Set by `cargo xtask types`: writes the file instead of comparing it.
const WRITE_VARIABLE: &str = "CAUSEWAY_WRITE_TYPES";

#[test]
fn typescript_is_as_the_types_are() {
    let mut definitions = Definitions::of_the_api();
    definitions.add::<AppEvent>();
    definitions.add::<AppAbout>();
    definitions.add::<AppPreferences>();
    definitions.add::<LogLine>();
    let module = definitions.to_module();
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        return std::fs::write(FILE, module).unwrap();
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(written == module, "{FILE} isn't as the types are; `cargo xtask types` writes it");
}
