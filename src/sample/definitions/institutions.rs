//! Reads `institutions.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use serde::Deserialize;
use toml::Spanned;

use super::Known;
use crate::{
    domain::{
        codes::{AffairCode, InstitutionCode, SpecificInfoCode},
        institution::{Attachment, Directory, Institution, KeyHolding},
        malformed::Malformed,
    },
    sample::{
        flaw::{DefinitionFlaw, Reason},
        page::Page,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    institutions: Spanned<Vec<RawInstitution>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInstitution {
    code: Spanned<String>,
    name: Spanned<String>,
    class: Spanned<String>,
    resolves_to: Option<Spanned<String>>,
    #[serde(default)]
    holds: Vec<Spanned<String>>,
    #[serde(default)]
    key_holding: KeyHolding,
    #[serde(default)]
    units: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    #[serde(default)]
    users: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    #[serde(default)]
    systems: BTreeMap<Spanned<String>, Attachment>,
    #[serde(default)]
    identity_use: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
}

/// The codes of the institutions, and the directory or the file's flaws.
/// The codes are absent when one of them cannot be read: what refers to it would seem wrong.
pub fn parse(
    file: &str,
    text: &str,
    known: &Known,
) -> (
    Option<BTreeSet<InstitutionCode>>,
    Result<Directory, Vec<DefinitionFlaw>>,
) {
    let (mut page, RawFile { institutions: raw }) = match Page::open(file, text) {
        Ok(opened) => opened,
        Err(flaws) => return (None, Err(flaws)),
    };
    if raw.get_ref().is_empty() {
        page.flaw(
            &raw,
            Reason::new("a world needs an institution", "機関が一つもありません"),
        );
    }
    let raw = raw.into_inner();
    let institutions: Vec<_> = raw
        .iter()
        .filter_map(|raw| institution(&mut page, raw, known))
        .collect();
    let codes: Option<BTreeSet<_>> = raw
        .iter()
        .map(|raw| raw.code.get_ref().parse().ok())
        .collect();
    page.refuse_repeated(raw.iter().map(|raw| &raw.code));
    check_wards(&mut page, &raw);
    (codes, page.finish(Directory::new(institutions)))
}

fn institution(page: &mut Page<'_>, raw: &RawInstitution, known: &Known) -> Option<Institution> {
    let code = page.word(&raw.code);
    page.require(&raw.name);
    let class = page.word(&raw.class);
    let resolves_to = raw.resolves_to.as_ref().and_then(|city| page.word(city));
    let holds = holds(page, &raw.holds, known);
    let units = authority(page, &raw.units);
    let users = authority(page, &raw.users);
    let identity_use = authority(page, &raw.identity_use);
    let systems = raw.systems.iter();
    let systems = systems
        .filter_map(|(name, attachment)| Some((page.word(name)?, *attachment)))
        .collect();
    Some(Institution {
        code: code?,
        name: raw.name.get_ref().clone(),
        class: class?,
        resolves_to,
        holds,
        key_holding: raw.key_holding,
        units,
        users,
        systems,
        identity_use,
    })
}

fn holds(page: &mut Page<'_>, raw: &[Spanned<String>], known: &Known) -> Vec<SpecificInfoCode> {
    let mut held = Vec::with_capacity(raw.len());
    for raw in raw {
        let Some(info) = page.word(raw) else { continue };
        if known.lacks_layout(info) {
            page.flaw(raw, super::no_layout(info));
        }
        held.push(info);
    }
    held
}

/// Who may handle which affair, or for what it may be.
fn authority<Who: FromStr<Err = Malformed>>(
    page: &mut Page<'_>,
    raw: &BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
) -> BTreeMap<AffairCode, Vec<Who>> {
    let mut read = BTreeMap::new();
    for (affair, named) in raw {
        let named = named.iter().filter_map(|who| page.word(who)).collect();
        if let Some(affair) = page.word(affair) {
            read.insert(affair, named);
        }
    }
    read
}

/// A ward is asked at a city of this file, and that city is asked at itself.
fn check_wards(page: &mut Page<'_>, all: &[RawInstitution]) {
    for ward in all {
        let Some(city) = &ward.resolves_to else {
            continue;
        };
        if city.get_ref().parse::<InstitutionCode>().is_err() {
            continue;
        }
        let found = all
            .iter()
            .find(|other| other.code.get_ref() == city.get_ref());
        let reason = if city.get_ref() == ward.code.get_ref() {
            Reason::new(
                "an institution cannot resolve to itself: leave resolves_to out",
                "自分自身を指定することはできません。resolves_to を省いてください",
            )
        } else if let Some(found) = found {
            if found.resolves_to.is_none() {
                continue;
            }
            Reason::new(
                "must name a city, not another ward",
                "区ではなく、市の機関コードを指定してください",
            )
        } else {
            super::no_institution(city.get_ref())
        };
        page.flaw(city, reason);
    }
}
