//! How the window is drawn where the computer has no graphics card.

use std::fs;
use std::path::Path;

use tauri::WebviewWindow;
use webkit2gtk::{HardwareAccelerationPolicy, SettingsExt, WebViewExt};

/// Where the kernel has the graphics cards, by its Direct Rendering Manager.
const CARDS: &str = "/dev/dri";
/// How a card that draws for programs without a display of its own is called there.
const DRAWS: &str = "renderD";

/// Has WebKit draw without layers where they would be put together by the processor: that costs several times what drawing does (docs/performance.md,
/// "The window while 200 shares change").
pub fn suit(window: &WebviewWindow) -> tauri::Result<()> {
    if has_card(Path::new(CARDS)) {
        return Ok(());
    }
    window.with_webview(|view| {
        if let Some(settings) = WebViewExt::settings(&view.inner()) {
            settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
            tracing::info!("there is no graphics card, so the window is drawn without layers");
        }
    })
}

fn has_card(cards: &Path) -> bool {
    let named = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with(DRAWS);
    fs::read_dir(cards).is_ok_and(|entries| entries.flatten().any(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_one_that_draws() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has_card(&dir.path().join("missing")));
        for (name, expected) in [("card0", false), ("by-path", false), ("renderD128", true)] {
            fs::write(dir.path().join(name), "").unwrap();
            assert_eq!(has_card(dir.path()), expected, "{name}");
        }
    }
}
