//! The program `causeway-app`; see the library.
fn main() {}
