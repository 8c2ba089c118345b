//! The requests of one connection: each rewritten where it names paths, carried to Docker, and its answer carried back.

use std::future::pending;
use std::sync::Arc;

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, mpsc};

use crate::answer::translate;
use crate::bind::System;
use crate::docker::{ANSWER_BYTES_MAX, Body, Docker};
use crate::hijack::{self, Hijacked};
use crate::host::{Host, Place};
use crate::known::KnownNeeds;
use crate::needs::{Needs, Project, container_of_exec, name_of};
use crate::refusal::Refusal;
use crate::request::{Wish, find};
use crate::route::Route;

/// Longest request that names paths, in bytes.
const REQUEST_BYTES_MAX: usize = 16 << 20;
/// Longest error that is looked at, in bytes.
const ERROR_BYTES_MAX: usize = 1 << 20;
/// Volumes of a container that are looked at before it starts; more aren't waited for.
const VOLUMES_MAX: usize = 32;
/// What concerns one connection alone (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE, EXPECT];
const KEEP_ALIVE: &str = "keep-alive";

/// The requests of one connection, which follow one another.
pub struct Forward {
    host: Arc<dyn Host>,
    known: Arc<KnownNeeds>,
    docker: Mutex<Option<Docker>>,
    hijack: mpsc::Sender<Hijacked>,
}

/// A path as it was given, and the place that it became.
type Bound = (String, String);

impl Forward {
    /// For a connection, that becomes whatever is sent to `hijack`.
    pub fn new(host: Arc<dyn Host>, known: Arc<KnownNeeds>, hijack: mpsc::Sender<Hijacked>) -> Self {
        Self { host, known, docker: Mutex::new(None), hijack }
    }

    /// Answers a request. Never, where the connection becomes a stream.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        self.carry(request).await.unwrap_or_else(|refusal| {
            tracing::debug!(%refusal, "a request to Docker was refused");
            let mut response = Response::new(full(refusal.body()));
            *response.status_mut() = refusal.status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        })
    }

    async fn carry(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let route = Route::of(request.method(), request.uri().path());
        let asked = request.headers().get(UPGRADE).cloned();
        let (request, bound) = self.prepare(&route, request).await?;
        let request = outgoing(request, upgrade_to(&route, asked.as_ref()), route.answer().is_some())?;
        let response = self.docker().await?.send(request).await;
        let response = response.map_err(|error| Refusal::bad_answer(format!("Causeway: {error}.")))?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.become_stream(response, asked.is_some()).await;
        }
        let (mut parts, body) = response.into_parts();
        strip(&mut parts.headers);
        parts.version = Version::HTTP_11;
        let body = self.translated(&route, &mut parts, body, &bound).await?;
        Ok(Response::from_parts(parts, body))
    }

    /// The connection to Docker. A new one where there is none any more.
    async fn docker(&self) -> Result<Connected<'_>, Refusal> {
        let mut docker = self.docker.lock().await;
        if !docker.as_ref().is_some_and(Docker::is_open) {
            let stream = self.host.connect().await?;
            let opened = Docker::on(stream).await;
            *docker = Some(opened.map_err(|error| Refusal::unavailable(format!("Causeway: {error}.")))?);
        }
        Ok(Connected(docker))
    }

    /// Rewrites a request, and waits for what it needs.
    async fn prepare(&self, route: &Route, request: Request<Incoming>) -> Result<(Request<Body>, Vec<Bound>), Refusal> {
        match route {
            Route::ContainerStart(container) => {
                let needs = self.mounts_of(container).await;
                let needs = self.with_volumes(needs).await;
                self.host.check(&needs)?;
                self.settle(&needs).await;
            }
            Route::ExecStart(exec) => self.wait_for_exec(exec).await,
            _ => {}
        }
        if !route.names_paths() {
            return Ok((request.map(BodyExt::boxed), Vec::new()));
        }
        let (mut parts, body) = request.into_parts();
        let body =
            whole(body, REQUEST_BYTES_MAX).await.map_err(|why| Refusal::bad_request(format!("Causeway: {why}.")))?;
        let (rewritten, bound) = self.rewrite(route, &body).await?;
        let body = rewritten.unwrap_or(body);
        set_length(&mut parts.headers, body.len());
        Ok((Request::from_parts(parts, full(body)), bound))
    }

    async fn rewrite(&self, route: &Route, body: &str) -> Result<(Option<String>, Vec<Bound>), Refusal> {
        let found = find(route, body, System::this())?;
        if found.wishes().len() == 0 {
            return Ok((None, Vec::new()));
        }
        let wishes: Vec<Wish> = found.wishes().cloned().collect();
        let places = self.places(wishes.clone(), Project::of_request(body)).await?;
        let paths: Vec<String> = places.iter().map(|place| place.path.clone()).collect();
        let needs = Needs::of_request(body, paths.clone());
        if let Err(unready) = self.host.settle(&needs).await
            && (unready.is_absent || places.iter().any(|place| !place.is_directory))
        {
            // Docker would make a directory where the copy isn't yet.
            return Err(Refusal::unavailable(format!("Causeway: {} Try again.", unready.why)));
        }
        let given = wishes.into_iter().map(|wish| wish.source);
        let bound = given.zip(paths.iter().cloned()).collect();
        Ok((found.rewrite(&paths)?, bound))
    }

    async fn places(&self, wishes: Vec<Wish>, project: Option<Project>) -> Result<Vec<Place>, Refusal> {
        let host = Arc::clone(&self.host);
        let look = move || wishes.iter().map(|wish| host.place(wish, project.as_ref())).collect();
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|_| Err(Refusal::bad_answer("Causeway failed because of a defect; its log says more.")))
    }

    /// What a container needs, where its volumes lead to only if that is known; nothing where Docker doesn't know the container, which it
    /// says itself when it is asked.
    async fn mounts_of(&self, container: &str) -> Needs {
        if let Some(known) = self.known.get(container) {
            return known;
        }
        let inspected = self.ask(&format!("/containers/{}/json", encode(container))).await;
        let needs = inspected.map(|inspected| Needs::of_container(&inspected)).unwrap_or_default();
        needs.container.as_deref().and_then(|id| self.known.get(id)).unwrap_or(needs)
    }

    /// The same, with the places that its volumes are bound to.
    async fn with_volumes(&self, mut needs: Needs) -> Needs {
        let mut is_whole = true;
        for volume in std::mem::take(&mut needs.volumes).into_iter().take(VOLUMES_MAX) {
            match self.ask(&format!("/volumes/{}", encode(&volume))).await {
                Some(inspected) => needs.places.extend(Needs::place_of_volume(&inspected)),
                None => is_whole = false,
            }
        }
        if is_whole {
            self.known.put(&needs);
        }
        needs
    }

    /// Waits until a container finds what was changed before.
    async fn settle(&self, needs: &Needs) {
        if !needs.waits_for_nothing {
            // On time-out it starts all the same; the share says so.
            let _ = self.host.settle(needs).await;
        }
    }

    async fn wait_for_exec(&self, exec: &str) {
        if !self.host.waits() {
            return;
        }
        let Some(inspected) = self.ask(&format!("/exec/{}/json", encode(exec))).await else { return };
        let Some(container) = container_of_exec(&inspected) else { return };
        let needs = self.mounts_of(&container).await;
        if !needs.waits_for_nothing {
            self.settle(&self.with_volumes(needs).await).await;
        }
    }

    async fn ask(&self, path: &str) -> Option<Bytes> {
        let mut docker = self.docker().await.ok()?;
        docker.get(path).await.inspect_err(|error| tracing::debug!(%error, path, "Docker doesn't say")).ok()
    }

    async fn become_stream(&self, response: Response<Incoming>, asked: bool) -> Result<Response<Body>, Refusal> {
        let head = hijack::head(&response, asked);
        let docker = hyper::upgrade::on(response).await;
        let docker =
            docker.map_err(|error| Refusal::bad_answer(format!("Causeway: Docker's stream broke: {error}.")))?;
        // Whoever serves the connection takes it over from here; this future is dropped with what served HTTP.
        let _ = self.hijack.send(Hijacked { head, docker }).await;
        pending().await
    }

    /// The answer's body with paths of the host; what names none is carried as it comes.
    async fn translated(
        &self,
        route: &Route,
        parts: &mut http::response::Parts,
        body: Incoming,
        bound: &[Bound],
    ) -> Result<Body, Refusal> {
        let bad = |why: String| Refusal::bad_answer(format!("Causeway: Docker's answer can't be used: {why}."));
        if parts.status.is_client_error() || parts.status.is_server_error() {
            if !is_json(&parts.headers) {
                return Ok(body.boxed());
            }
            let body = self.translate_error(whole(body, ERROR_BYTES_MAX).await.map_err(bad)?);
            set_length(&mut parts.headers, body.len());
            return Ok(full(body));
        }
        let made = route.made().filter(|_| !bound.is_empty());
        if (route.answer().is_none() && made.is_none()) || !parts.status.is_success() {
            return Ok(body.boxed());
        }
        let mut body = whole(body, ANSWER_BYTES_MAX).await.map_err(bad)?;
        if let Some(owner) = made.and_then(|member| name_of(&body, member)) {
            self.host.created(&owner, bound);
        }
        if let Some(answer) = route.answer() {
            let translated = translate(answer, &body, &*self.host.paths()).map_err(|error| bad(error.to_string()))?;
            body = translated.unwrap_or(body);
        }
        set_length(&mut parts.headers, body.len());
        Ok(full(body))
    }

    fn translate_error(&self, body: String) -> String {
        let Ok(mut error) = serde_json::from_str::<Value>(&body) else { return body };
        let Some(message) = error.get("message").and_then(Value::as_str) else { return body };
        error["message"] = self.host.paths().shown_in(message).into();
        error.to_string()
    }
}

/// The connection to Docker, for one request.
struct Connected<'a>(MutexGuard<'a, Option<Docker>>);

impl std::ops::Deref for Connected<'_> {
    type Target = Docker;

    fn deref(&self) -> &Docker {
        self.0.as_ref().expect("it was opened before it was handed out")
    }
}

impl std::ops::DerefMut for Connected<'_> {
    fn deref_mut(&mut self) -> &mut Docker {
        self.0.as_mut().expect("it was opened before it was handed out")
    }
}

/// What the connection is to become. Docker turns it into a stream with or without being asked; when it is asked, it says so.
fn upgrade_to(route: &Route, asked: Option<&HeaderValue>) -> Option<HeaderValue> {
    asked.cloned().or_else(|| route.hijacks().then(|| HeaderValue::from_static("tcp")))
}

/// The request as it goes to Docker.
fn outgoing(
    mut request: Request<Body>,
    upgrade: Option<HeaderValue>,
    is_translated: bool,
) -> Result<Request<Body>, Refusal> {
    *request.version_mut() = Version::HTTP_11;
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
    let headers = request.headers_mut();
    strip(headers);
    headers.entry(HOST).or_insert(HeaderValue::from_static("docker"));
    if is_translated {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if let Some(upgrade) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, upgrade);
    }
    Ok(request)
}

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove(KEEP_ALIVE);
}

fn set_length(headers: &mut HeaderMap, bytes: usize) {
    headers.remove(TRANSFER_ENCODING);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

async fn whole(body: Incoming, bytes_max: usize) -> Result<String, String> {
    let body = Limited::new(body, bytes_max).collect().await.map_err(|error| error.to_string())?;
    String::from_utf8(body.to_bytes().into()).map_err(|_| "it isn't UTF-8".to_owned())
}

fn full(body: String) -> Body {
    Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed()
}

/// A name as one part of a path.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
