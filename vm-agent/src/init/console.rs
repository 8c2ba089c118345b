//! Lines on the console that the host reads.

use causeway_wire::boot::{FAILURE_MARK, STAGE_MARK};

/// Says what is being done now.
pub fn stage(stage: &str) {
    say(STAGE_MARK, stage);
}

/// Says why it can't go on.
pub fn failure(reason: &str) {
    say(FAILURE_MARK, reason);
}

/// Standard error is the console: the kernel opened it.
fn say(mark: &str, text: &str) {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    eprintln!("\n{mark}{line}");
}
