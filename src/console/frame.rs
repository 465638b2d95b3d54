//! What surrounds every page: who is signed in, where one can go, and what happened last.

use super::{desk::Desk, texts};
use crate::{domain::staff::Act, world::Condition};

/// The pages that the menu leads to, with the act that each needs.
const LINKS: [(&str, &str, Option<Act>); 12] = [
    ("/", "ホーム", None),
    ("/queue", "要対応一覧", Some(Act::SeeQueue)),
    ("/inquiries", "情報照会", Some(Act::ListInquiries)),
    ("/replicas", "副本", Some(Act::ReadReplica)),
    ("/corrections", "副本の申請", Some(Act::ReadReplica)),
    ("/records", "情報提供等記録", Some(Act::SearchRecords)),
    ("/symbols", "符号状態", Some(Act::ReadSymbolState)),
    ("/accounts", "職員・権限", Some(Act::ManageAccounts)),
    ("/operations", "操作記録", Some(Act::ReadOperations)),
    ("/analysis", "操作記録の分析", Some(Act::AnalyzeOperations)),
    ("/statistics", "統計", Some(Act::ReadStatistics)),
    ("/settings", "設定", Some(Act::ReadSettings)),
];

/// What surrounds a page.
pub(super) struct Frame {
    pub(super) title: &'static str,
    pub(super) here: &'static str,
    pub(super) who: Option<Who>,
    pub(super) links: Vec<Link>,
    pub(super) guard: String,
    /// What is not as it should be with the world.
    pub(super) conditions: Vec<&'static str>,
    pub(super) message: Option<Message>,
}

/// Who is signed in.
pub(super) struct Who {
    pub(super) institution: String,
    pub(super) name: String,
    pub(super) roles: String,
}

/// Where one can go.
pub(super) struct Link {
    pub(super) href: &'static str,
    pub(super) text: &'static str,
}

/// What happened last.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// `done`, `warning` or `error`.
    pub(super) kind: &'static str,
    pub(super) text: String,
    pub(super) details: Vec<String>,
}

impl Message {
    pub(super) fn done(text: &str) -> Self {
        Self {
            kind: "done",
            text: format!("✔ {text}"),
            details: Vec::new(),
        }
    }

    pub(super) fn error(text: &str, details: Vec<String>) -> Self {
        Self {
            kind: "error",
            text: format!("⚠ {text}"),
            details,
        }
    }
}

impl Frame {
    /// A page for nobody in particular.
    pub(super) fn closed(title: &'static str) -> Self {
        Self {
            title,
            here: "",
            who: None,
            links: Vec::new(),
            guard: String::new(),
            conditions: Vec::new(),
            message: None,
        }
    }

    /// A page for who is signed in: the menu shows what they may do.
    pub(super) fn of(desk: &Desk, here: &'static str, title: &'static str) -> Self {
        let account = desk.staff.account();
        let may = |act: &Option<Act>| act.is_none_or(|act| desk.staff.authority(act).is_ok());
        let links = LINKS.iter().filter(|(.., act)| may(act));
        let conditions = desk.world.conditions();
        let institution = desk.server().map(|server| server.profile().name.clone());
        Self {
            title,
            here,
            who: Some(Who {
                institution: institution.unwrap_or_default(),
                name: account.display_name.to_string(),
                roles: texts::roles(account),
            }),
            links: links.map(|(href, text, _)| Link { href, text }).collect(),
            guard: desk.guard(),
            conditions: conditions.into_iter().map(Condition::ja).collect(),
            message: None,
        }
    }

    /// The same with what happened last.
    pub(super) fn with(mut self, message: Option<Message>) -> Self {
        self.message = message;
        self
    }
}
