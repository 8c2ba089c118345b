//! The tray icon: the worst state of all shares, and a menu with each.

mod model;

use std::sync::Arc;

use causeway_api::{OfShare, ResumeShare, ShareId, State};
use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuEvent, MenuItemBuilder};
use tauri::tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager, Theme};

use self::model::{All, Icon, Model};
use crate::events::{AppEvent, ShownPage};
use crate::shown::Shown;
use crate::{App, quit, window};

const ID: &str = "causeway";
const OPEN: &str = "open";
const QUIT: &str = "quit";
const PAUSE_ALL: &str = "pause-all";
const RESUME_ALL: &str = "resume-all";
/// What the id of a share's entry begins with.
const SHARE: &str = "share:";

/// Makes the tray icon, and keeps it as things are.
pub fn make(app: &AppHandle, shown: &Arc<Shown>) -> tauri::Result<()> {
    let model = shown.look(Model::of);
    TrayIconBuilder::with_id(ID)
        .icon(picture(model.icon, on_dark(app))?)
        .menu(&menu(app, &model)?)
        .on_menu_event(|app, event| chosen(app, &event))
        .on_tray_icon_event(|tray, event| {
            // Linux has no clicks but those that open the menu.
            if let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event {
                window::show(tray.app_handle());
            }
        })
        .show_menu_on_left_click(cfg!(not(windows)))
        .build(app)?;
    let (app, shown) = (app.clone(), Arc::clone(shown));
    tauri::async_runtime::spawn(async move { follow(app, shown, model).await });
    Ok(())
}

async fn follow(app: AppHandle, shown: Arc<Shown>, mut last: Model) {
    let mut changes = shown.changes();
    let mut last_dark = on_dark(&app);
    while changes.changed().await.is_ok() {
        let (model, dark) = (shown.look(Model::of), on_dark(&app));
        // A menu that is rebuilt while it is open closes, so only what is to be seen counts.
        if model == last && dark == last_dark {
            continue;
        }
        if let Err(error) = show(&app, &last, &model, dark != last_dark) {
            tracing::warn!(%error, "the tray icon can't be brought up to date");
        }
        (last, last_dark) = (model, dark);
    }
}

fn show(app: &AppHandle, last: &Model, model: &Model, theme_changed: bool) -> tauri::Result<()> {
    let Some(tray) = app.tray_by_id(ID) else { return Ok(()) };
    if model.icon != last.icon || theme_changed {
        tray.set_icon(Some(picture(model.icon, on_dark(app))?))?;
    }
    if model != last {
        tray.set_menu(Some(menu(app, model)?))?;
        tray.set_tooltip(Some(&model.line))?;
    }
    Ok(())
}

fn menu(app: &AppHandle, model: &Model) -> tauri::Result<Menu<tauri::Wry>> {
    let line = MenuItemBuilder::with_id("state", &model.line).enabled(false).build(app)?;
    let mut menu = MenuBuilder::new(app).item(&line).separator();
    for (text, id) in &model.shares {
        menu = menu.text(format!("{SHARE}{id}"), text);
    }
    if model.more > 0 {
        menu = menu.text(OPEN, format!("{} more…", model.more));
    }
    if !model.shares.is_empty() {
        menu = menu.separator();
    }
    menu = match model.all {
        Some(All::Pause) => menu.text(PAUSE_ALL, "Pause all"),
        Some(All::Resume) => menu.text(RESUME_ALL, "Resume all"),
        None => menu,
    };
    menu.text(OPEN, "Open Causeway").separator().text(QUIT, "Quit Causeway").build()
}

fn chosen(app: &AppHandle, event: &MenuEvent) {
    match event.id().as_ref() {
        OPEN => window::show(app),
        QUIT => quit::ask(app),
        PAUSE_ALL => for_all(app, All::Pause),
        RESUME_ALL => for_all(app, All::Resume),
        other => {
            if let Some(id) = other.strip_prefix(SHARE) {
                window::show(app);
                app.state::<App>().shown.say(AppEvent::Show { page: ShownPage::Share { id: ShareId(id.to_owned()) } });
            }
        }
    }
}

/// Pauses or resumes every share that this means.
fn for_all(app: &AppHandle, what: All) {
    let state = app.state::<App>();
    let Ok(client) = state.link.client() else { return };
    let shares = state.shown.look(|_, snapshot| {
        let shares = snapshot.map(|snapshot| snapshot.shares.as_slice()).unwrap_or_default();
        let meant = shares.iter().filter(|share| (share.state == State::Paused) == (what == All::Resume));
        meant.map(|share| share.id.0.clone()).collect::<Vec<_>>()
    });
    tauri::async_runtime::spawn(async move {
        for share in shares {
            let done = match what {
                All::Pause => client.share_pause(&OfShare { share }).await,
                All::Resume => client.share_resume(&ResumeShare { share, accept: None }).await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "a share could not be paused or resumed");
            }
        }
    });
}

/// Whether the panel is dark: GNOME's always is, others go with the windows.
fn on_dark(app: &AppHandle) -> bool {
    let gnome = std::env::var("XDG_CURRENT_DESKTOP").is_ok_and(|desktop| desktop.contains("GNOME"));
    gnome || app.webview_windows().values().any(|window| matches!(window.theme(), Ok(Theme::Dark)))
}

fn picture(icon: Icon, on_dark: bool) -> tauri::Result<Image<'static>> {
    macro_rules! pictures {
        ($name:literal) => {
            if on_dark {
                &include_bytes!(concat!("../../../icons/tray/", $name, "-dark.png"))[..]
            } else {
                &include_bytes!(concat!("../../../icons/tray/", $name, "-light.png"))[..]
            }
        };
    }
    Image::from_bytes(match icon {
        Icon::Idle => pictures!("idle"),
        Icon::Working => pictures!("working"),
        Icon::Stopped => pictures!("stopped"),
        Icon::Conflict => pictures!("conflict"),
        Icon::Problem => pictures!("problem"),
    })
}
