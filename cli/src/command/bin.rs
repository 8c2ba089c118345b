//! `causeway share bin`.

use std::ffi::OsString;

use causeway_api::{BinEmpty, BinItem, BinReason, BinRestore, Client, OfShare, Restored, Timestamp, WhichItems};

use super::{
    conflicts::refused,
    share_paths::{self, PATHS_AT_ONCE},
};
use crate::{
    args::SideArg,
    exit::Exit,
    show::{
        numbers, paths,
        screen::{JsonArray, Screen},
        state::COMMAND,
        table::{Align, Table},
        times,
    },
};

/// Lists what rests there.
pub async fn list(client: &Client, screen: Screen, share: &str) -> anyhow::Result<Exit> {
    let mut pages = client.pages::<BinItem>("bin.list", share);
    let mut array = screen.json.then(JsonArray::default);
    let mut count = 0;
    while let Some(page) = pages.next().await? {
        count += page.items.len();
        match &mut array {
            Some(array) => page.items.iter().try_for_each(|item| array.item(item))?,
            None if page.items.is_empty() => {}
            None => screen.lines(lines(&page.items, screen.columns(), Timestamp::now()))?,
        }
    }
    match array {
        Some(array) => array.end()?,
        None if count == 0 => screen.line("The recycle bins are empty.")?,
        None => {
            screen.lines([String::new(), format!("  {COMMAND}causeway share bin {share} restore PATH…{COMMAND:#}")])?
        }
    }
    Ok(Exit::Done)
}

fn lines(items: &[BinItem], columns: Option<usize>, now: Timestamp) -> Vec<String> {
    let mut table = Table::new([
        ("ID", Align::Left),
        ("SINCE", Align::Left),
        ("SIDE", Align::Left),
        ("BECAUSE", Align::Left),
        ("KIND", Align::Left),
        ("SPACE", Align::Right),
        ("PATH", Align::Path),
    ]);
    for item in items {
        let kind = match item.amount.entries {
            0 | 1 => item.entry.word().to_owned(),
            n => format!("{}, {}", item.entry.word(), numbers::entries(n)),
        };
        table.row(
            [
                paths::safe(&item.id).into(),
                times::clock(item.at, now).into(),
                item.side.word().into(),
                reason(item.reason).into(),
                kind.into(),
                numbers::bytes(item.amount.bytes).into(),
                paths::in_share(&item.path).into(),
            ],
            Vec::new(),
        );
    }
    table.lines(columns)
}

fn reason(reason: BinReason) -> &'static str {
    match reason {
        BinReason::Deleted => "deleted",
        BinReason::Replaced => "replaced",
        BinReason::Resolved => "not kept",
        BinReason::Pruned => "pruned",
    }
}

/// Brings things back.
pub async fn restore(
    client: &Client,
    screen: Screen,
    share: &str,
    typed: Vec<OsString>,
    ids: Vec<String>,
) -> anyhow::Result<Exit> {
    let share = client.share_show(&OfShare { share: share.to_owned() }).await?;
    let typed = share_paths::in_share(&share, typed)?;
    let parts = typed.chunks(PATHS_AT_ONCE).map(|part| WhichItems::Paths(part.to_vec()));
    let ids = ids.chunks(PATHS_AT_ONCE).map(|part| WhichItems::Ids(part.to_vec()));
    let mut done = Restored { restored: 0, refused: Vec::new() };
    for which in parts.chain(ids) {
        let part = client.bin_restore(&BinRestore { share: share.id.0.clone(), which }).await?;
        done.restored += part.restored;
        done.refused.extend(part.refused);
    }
    screen.show(&done, |done| {
        let line = match done.restored {
            0 => "Nothing was restored.".to_owned(),
            n => format!("Restored {}.", numbers::counted(n, "item", "items")),
        };
        [vec![line], refused(&done.refused)].concat()
    })?;
    Ok(Exit::attention_if(!done.refused.is_empty()))
}

/// Deletes what rests there.
pub async fn empty(client: &Client, screen: Screen, share: &str, side: Option<SideArg>) -> anyhow::Result<Exit> {
    let side = side.map(|side| side.0);
    let deleted = client.bin_empty(&BinEmpty { share: share.to_owned(), side }).await?;
    screen.show(&deleted, |deleted| {
        vec![match deleted.entries {
            0 => "The recycle bins were empty.".to_owned(),
            n => format!("Deleted {}, {}, for good.", numbers::entries(n), numbers::bytes(deleted.bytes)),
        }]
    })?;
    Ok(Exit::Done)
}
