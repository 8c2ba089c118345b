//! The one window: made once, hidden when it is closed, shown again by the tray icon or a second start.

use causeway_api::PathBytes;
use tauri::{AppHandle, DragDropEvent, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_window_state::StateFlags;

use crate::App;
use crate::events::AppEvent;

const LABEL: &str = "main";

/// What of the window is remembered over starts. Not whether it was visible: a start by a person shows it.
pub const REMEMBERED: StateFlags = StateFlags::SIZE.union(StateFlags::POSITION).union(StateFlags::MAXIMIZED);

/// Makes the window.
pub fn make(app: &AppHandle, hidden: bool) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Causeway")
        .inner_size(1120.0, 760.0)
        .min_inner_size(900.0, 600.0)
        .visible(!hidden)
        .build()?;
    #[cfg(target_os = "linux")]
    crate::drawing::suit(&window)?;
    let (theirs, app) = (window.clone(), app.clone());
    window.on_window_event(move |event| match event {
        WindowEvent::CloseRequested { api, .. } => {
            api.prevent_close();
            // A window that can't be hidden stays, which is better than one that is gone while the app runs.
            let _ = theirs.hide();
        }
        WindowEvent::DragDrop(drag) => dragged(&app, drag),
        _ => {}
    });
    Ok(())
}

fn dragged(app: &AppHandle, drag: &DragDropEvent) {
    let shown = &app.state::<App>().shown;
    match drag {
        DragDropEvent::Enter { .. } => shown.say(AppEvent::DragOver { over: true }),
        DragDropEvent::Leave => shown.say(AppEvent::DragOver { over: false }),
        DragDropEvent::Drop { paths, .. } => {
            shown.say(AppEvent::DragOver { over: false });
            shown.say(AppEvent::Dropped { paths: paths.iter().map(|path| PathBytes::from(path.as_path())).collect() });
        }
        _ => {}
    }
}

/// Shows the window and brings it to the front.
pub fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        for step in [window.show(), window.unminimize(), window.set_focus()] {
            if let Err(error) = step {
                tracing::warn!(%error, "the window can't be shown");
            }
        }
    }
}
