//! The program `causeway-app`; see the library.

fn main() -> anyhow::Result<()> {
    causeway_app::run()
}
