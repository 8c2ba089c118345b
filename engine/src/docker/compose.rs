//! Projects of Docker Compose whose folders no share covers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use causeway_api::{ApiError, AutoShare, CreateShare, PathBytes, ShareId, State};
use causeway_docker_proxy::{Project, Refusal};

use super::compose_file::Wanted;
use super::projects::files_in;
use super::settings;
use crate::engine::Engine;
use crate::share::prepared::was_prepared;

/// How long the first copy of a folder may take before the container that wants it is refused. It goes on; the next `up` finds it.
const FIRST_COPY_LIMIT: Duration = Duration::from_secs(30 * 60);
/// How often it is looked whether it is there.
const LOOK: Duration = Duration::from_millis(50);

/// Makes a share of a project's folder and waits until it is there, or says why not; as it is set.
pub fn share(engine: &Arc<Engine>, project: &Project, folder: &Path, refusal: Refusal) -> Result<(), Refusal> {
    match settings::read(engine.home().root()).map(|settings| settings.compose_auto_share) {
        Ok(AutoShare::On) => {}
        Ok(AutoShare::Ask) => {
            let wanted = wanted(project, folder)?;
            let (options, unknown) = (wanted.options(), wanted.unknown());
            let mut wish = CreateShare::of(PathBytes::from(folder));
            wanted.apply(&mut wish);
            engine.note_wanted(wish, &project.name);
            let folder = folder.display();
            return Err(Refusal::bad_request(format!(
                "Causeway: the project \"{}\" wants {folder}, which no share covers. Share it: causeway share create {folder}{options}.{unknown} Or let \
                 such folders become shares by themselves: causeway docker config --compose-auto-share on",
                project.name
            )));
        }
        Ok(AutoShare::Off) | Err(_) => return Err(refusal),
    }
    let failed = |error: ApiError| {
        let remedy = error.remedy.map(|remedy| format!(" {}", remedy.sentence)).unwrap_or_default();
        Refusal::bad_request(format!("Causeway: {} can't become a share: {}{remedy}", folder.display(), error.message))
    };
    let mut wish = CreateShare::of(PathBytes::from(folder));
    let wanted = wanted(project, folder)?;
    if !wanted.unknown().is_empty() {
        tracing::warn!(project = project.name, "{}", wanted.unknown().trim());
    }
    wanted.apply(&mut wish);
    match engine.create_share_for(&wish, Some(project.name.clone())) {
        Ok(made) => wait(engine, &made.id),
        // Another container of the project was first.
        Err(error) => match engine.covered().into_iter().find(|share| folder == share.host) {
            Some(share) => wait(engine, &share.id),
            None => Err(failed(error)),
        },
    }
}

/// What the project's files say about its share.
fn wanted(project: &Project, folder: &Path) -> Result<Wanted, Refusal> {
    let named: Vec<PathBuf> = project.files.iter().map(PathBuf::from).filter(|path| path.is_absolute()).collect();
    let files = if named.is_empty() { files_in(folder) } else { named };
    Wanted::read(&files, folder).map_err(|error| {
        Refusal::bad_request(format!("Causeway: the project \"{}\" can't have a share: {error}.", project.name))
    })
}

/// Whether a share was made for a project, and isn't there yet.
pub fn is_on_its_way(engine: &Engine, share: &ShareId) -> bool {
    !was_prepared(engine.home(), share)
        && engine.settings_of(&share.0).is_ok_and(|settings| settings.compose_project.is_some())
}

/// Waits until a share is there.
pub fn wait(engine: &Engine, share: &ShareId) -> Result<(), Refusal> {
    let deadline = Instant::now() + FIRST_COPY_LIMIT;
    loop {
        let Some(shown) = engine.feed().share(share) else {
            return Err(Refusal::unavailable("Causeway: the share was removed before it was ready."));
        };
        let state = match shown.state {
            State::Preparing | State::Disconnected if Instant::now() < deadline => {
                std::thread::sleep(LOOK);
                continue;
            }
            State::Watching | State::Syncing | State::Problem | State::Conflict => return Ok(()),
            state => state,
        };
        let detail = shown.detail.map(|detail| format!(" {detail}")).unwrap_or_default();
        let (name, words) = (shown.name, state.words());
        return Err(Refusal::unavailable(format!("Causeway: the share \"{name}\" isn't ready: {words}.{detail}")));
    }
}
