//! What a proposal would change, with the names that the layouts give.

use crate::{
    console::desk::Desk,
    domain::{
        correction::{Correction, Differing, Place},
        layout::{DataSetLayout, Layout},
        replica::ItemValue,
    },
    institution::IntermediateServer,
};

/// One value that would change.
pub(super) struct Changed {
    pub(super) set: String,
    pub(super) name: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// The versions of the replica's layout.
pub(super) fn layouts<'a>(desk: &'a Desk, correction: &Correction) -> &'a [Layout] {
    let server = desk.server().ok();
    let versions = server.map(IntermediateServer::layouts);
    let info = correction.replica.specific_info;
    versions.map_or(&[], |layouts| layouts.versions(info))
}

pub(super) fn changed(differing: &Differing, versions: &[Layout]) -> Changed {
    let own = |name: &str| ("―".to_owned(), name.to_owned());
    let (set, name) = match &differing.place {
        Place::LayoutVersion => own("レイアウト版"),
        Place::FiscalYear => own("年度"),
        Place::Date => own("基準日"),
        Place::PublicationFrom => own("公開期間の始め"),
        Place::PublicationTo => own("公開期間の終わり"),
        Place::Item { sets, item } => {
            let mut named = Vec::new();
            let mut name = item.to_string();
            let newest = versions.iter().rev();
            let knows = newest.into_iter().find(|layout| layout.knows(*item));
            let mut below: &[DataSetLayout] = knows.map_or(&[], |layout| &layout.data_sets);
            for (code, number) in sets {
                let set = below.iter().find(|set| set.code == *code);
                let text = set.map_or(code.as_str(), |set| &set.name);
                named.push(format!("{text} {number}件目"));
                let items = set.map_or(&[][..], |set| &set.items);
                if let Some(known) = items.iter().find(|known| known.code == *item) {
                    name.clone_from(&known.name);
                }
                below = set.map_or(&[], |set| &set.data_sets);
            }
            (named.join(" › "), name)
        }
    };
    Changed {
        set,
        name,
        before: value(differing.before.as_ref()),
        after: value(differing.after.as_ref()),
    }
}

fn value(value: Option<&ItemValue>) -> String {
    match value {
        None => "（なし）".to_owned(),
        Some(ItemValue::Present(text)) => text.clone(),
        Some(ItemValue::Missing(reason)) => format!("（値なし: {}）", reason.ja()),
    }
}
