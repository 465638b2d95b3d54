//! Reads `permission-list.toml`.

use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use toml::Spanned;

use super::Known;
use crate::{
    domain::permission_list::{ListFlaw, Party, PermissionList, PermissionRow, PlainList},
    sample::{
        flaw::{DefinitionFlaw, Reason},
        page::Page,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    version: u32,
    published_at: Timestamp,
    #[serde(default)]
    rows: Vec<RawRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRow {
    id: Spanned<String>,
    inquirer: Spanned<String>,
    affair: Spanned<String>,
    procedure: Spanned<String>,
    provider: Spanned<String>,
    specific_info: Spanned<String>,
    valid_from: Date,
    valid_to: Option<Spanned<Date>>,
    legal_basis: Spanned<String>,
}

/// The list, or the file's flaws. A list without rows is sound: it allows nothing.
pub fn parse(file: &str, text: &str, known: &Known) -> Result<PermissionList, Vec<DefinitionFlaw>> {
    let (mut page, raw) = Page::open::<RawList>(file, text)?;
    let rows = raw
        .rows
        .iter()
        .filter_map(|raw| row(&mut page, raw, known))
        .collect();
    page.refuse_repeated(raw.rows.iter().map(|row| &row.id));
    let plain = page.finish(PlainList {
        version: raw.version,
        published_at: raw.published_at,
        rows,
    })?;
    plain
        .try_into()
        .map_err(|flaw: ListFlaw| vec![DefinitionFlaw::whole(file, flaw.to_string())])
}

fn row(page: &mut Page<'_>, raw: &RawRow, known: &Known) -> Option<PermissionRow> {
    page.require(&raw.id);
    let inquirer = party(page, &raw.inquirer, known);
    let affair = page.word(&raw.affair);
    let procedure = page.word(&raw.procedure);
    let provider = party(page, &raw.provider, known);
    let specific_info = page.word(&raw.specific_info);
    if let Some(info) = specific_info
        && known.lacks_layout(info)
    {
        page.flaw(&raw.specific_info, super::no_layout(info));
    }
    if let Some(last) = &raw.valid_to
        && *last.get_ref() < raw.valid_from
    {
        let reason = Reason::new(
            "valid_to is before valid_from",
            "valid_to が valid_from より前の日付です",
        );
        page.flaw(last, reason);
    }
    page.require(&raw.legal_basis);
    Some(PermissionRow {
        id: raw.id.get_ref().clone(),
        inquirer: inquirer?,
        affair: affair?,
        procedure: procedure?,
        provider: provider?,
        specific_info: specific_info?,
        valid_from: raw.valid_from,
        valid_to: raw.valid_to.as_ref().map(|last| *last.get_ref()),
        legal_basis: raw.legal_basis.get_ref().clone(),
    })
}

fn party(page: &mut Page<'_>, raw: &Spanned<String>, known: &Known) -> Option<Party> {
    let party = page.word(raw)?;
    match party {
        Party::Institution(code) if known.lacks_institution(code) => {
            page.flaw(raw, super::no_institution(raw.get_ref()));
        }
        Party::Institution(_) | Party::Class(_) => {}
    }
    Some(party)
}
