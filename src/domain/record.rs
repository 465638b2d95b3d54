//! 情報提供等記録: what each of the three parties keeps of every exchange, and how the three are compared.
//!
//! Source: 番号法 §23(1), (2).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    codes::{InstitutionCode, ItemCode, SpecificInfoCode},
    deletion::Deleted,
    exchange::{Outcome, Side, Subject},
    identity::IdentityUse,
    names::{PermitId, ProcessingSerial},
    no_self_provision::FlagChange,
    notice::NoticeStep,
    operation::Operation,
    portal::PortalUse,
    provision::HoldReason,
    result::ResultCode,
    staff::Actor,
    words::SystemName,
};

/// One party's record of one exchange. It never holds the data itself or a 個人番号.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionRecord {
    /// Whose record it is.
    pub side: Side,
    /// What the exchange was about.
    pub subject: Subject,
    /// How it ended.
    pub outcome: Outcome,
    /// The permit, where one was issued.
    pub permit_id: Option<PermitId>,
    /// The row of the permission list that allowed it, `<version>/<row>`.
    pub permission_row: Option<String>,
    /// SHA-256, in hexadecimal, of the symbol by which this party knows the person; nothing at the core system. The
    /// symbol itself is not here: an institution may read its records, and nobody may read a symbol.
    pub symbol_digest: Option<String>,
}

impl ProvisionRecord {
    /// The last party that the exchange reached.
    fn reached(&self) -> Side {
        match (self.outcome.code, &self.permit_id) {
            (ResultCode::Cancelled, Some(_)) => Side::Provider,
            _ => self.outcome.decided_by,
        }
    }
}

/// What the ledger keeps. The `kind` is part of the stored form: never rename one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// 情報提供等記録.
    Provision(ProvisionRecord),
    /// A provider took a permit and holds the request for a human.
    Held {
        /// What it is about.
        subject: Subject,
        /// The permit. It is used up.
        permit_id: PermitId,
    },
    /// A provider refused a permit that it could not read, or that names no exchange of its own.
    PermitRefused {
        /// Why, as the result's name.
        reason: String,
        /// SHA-256 of the terms' bytes, in hexadecimal.
        terms_digest: String,
        /// The exchange that the signed terms name, where the signature fits.
        serial: Option<ProcessingSerial>,
    },
    /// 不開示 was set or cleared.
    NondisclosureSet {
        /// The exchange.
        serial: ProcessingSerial,
        /// The mark from then on.
        nondisclosure: bool,
    },
    /// The institution registered a sealing key.
    SealingKeyRegistered {
        /// SHA-256 of the public key, in hexadecimal.
        fingerprint: String,
    },
    /// The institution ended a sealing key's validity.
    SealingKeyRevoked {
        /// SHA-256 of the public key, in hexadecimal.
        fingerprint: String,
    },
    /// A call named an institution that the certificate does not.
    CallRefused {
        /// The stable reason.
        reason: String,
        /// The institution that the body named, where it is one of the world.
        named: Option<InstitutionCode>,
    },
    /// The addressee system used a 個人番号. The person is named by a digest that only that system can make.
    IndividualNumberUsed {
        /// For what.
        purpose: NumberUse,
        /// The business system whose certificate asked; nothing where the certificate names none, or nobody asked.
        system: Option<SystemName>,
        /// The keyed digest of the person's 団体内統合宛名番号, in hexadecimal; nothing where nobody has the number.
        person_digest: Option<String>,
    },
    /// 本人確認情報 was used, or a use was refused.
    IdentityInformationUsed(Box<IdentityUse>),
    /// The institution accepted replicas for registration, all in one request.
    ReplicasRegistered {
        /// How many.
        count: u64,
    },
    /// The institution accepted the deletion of replicas, all in one request.
    ReplicasDeleted {
        /// How many.
        count: u64,
    },
    /// 削除記録: what has passed its period is deleted, all of one kind together.
    Deleted {
        /// What.
        what: Deleted,
        /// How many.
        count: u64,
        /// What ended before this.
        ended_before: Timestamp,
    },
    /// A held request waited longer than it may and went to the superiors.
    Escalated {
        /// Which request.
        serial: ProcessingSerial,
    },
    /// 廃棄記録: the owner's entries before a moment have been kept long enough, and salt and body of each are destroyed. It is
    /// itself never disposed of.
    Disposed {
        /// What was recorded before this.
        recorded_before: Timestamp,
        /// How many entries that were.
        entries: u64,
        /// When the first of them was recorded.
        first: Timestamp,
        /// When the last of them was recorded.
        last: Timestamp,
        /// The provision of law.
        legal_basis: String,
        /// The superior who approved it; nobody at the core system, whose operator did.
        approved_by: Option<Actor>,
    },
    /// 操作記録: what a member of staff did.
    Operation(Operation),
    /// A person used the portal: kept by the core system, which turned the token into symbols.
    PortalUsed {
        /// What for.
        what: PortalUse,
        /// SHA-256 of the person's symbol at the portal, in hexadecimal.
        person_digest: String,
    },
    /// A person asked for their own data through the portal.
    OwnDataRequested {
        /// SHA-256, in hexadecimal, of the symbol by which the institution knows the person.
        symbol_digest: String,
        /// Which specific information.
        specific_info: SpecificInfoCode,
        /// Which items; empty for all.
        items: Vec<ItemCode>,
        /// How it ended; nothing where 自己情報提供不可 forbade it.
        result: Option<ResultCode>,
    },
    /// A flag of 自己情報提供不可 was set or taken away. The person is not named.
    NoSelfProvisionChanged {
        /// Which of the two.
        change: FlagChange,
        /// Whether it is on a person.
        on_person: bool,
        /// The specific information, where the flag names one.
        specific_info: Option<SpecificInfoCode>,
    },
    /// お知らせ: a notice was sent, read or withdrawn. Neither the person nor the text is named.
    Notice {
        /// Its number at the institution.
        number: u64,
        /// Which of the three.
        step: NoticeStep,
    },
    /// A no-auto-reply flag was set. The person is not named.
    NoAutoReplySet {
        /// What the flag is on.
        on: HoldReason,
        /// The specific information, where the flag names one.
        specific_info: Option<SpecificInfoCode>,
    },
    /// A no-auto-reply flag was taken away. The person is not named.
    NoAutoReplyCleared {
        /// What the flag was on.
        on: HoldReason,
        /// The specific information, where the flag named one.
        specific_info: Option<SpecificInfoCode>,
    },
}

/// What a 個人番号 was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberUse {
    /// A person was numbered or found again by it.
    Assigned,
    /// A person was looked up by it, found or not.
    Searched,
    /// It was shown to a business system.
    Shown,
    /// It was replaced by another one.
    Changed,
    /// It was sent to the resident network to acquire a symbol.
    SymbolRequested,
}

/// A record where it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRecord {
    /// The record.
    pub record: ProvisionRecord,
    /// The tree, `<owner>/<fiscal year>`.
    pub tree: String,
    /// The leaf's index in the tree.
    pub index: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// 不開示 as it is now.
    pub nondisclosure: bool,
}

/// A field in which the records of one exchange differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The field, or `record` where a whole record is missing.
    pub field: &'static str,
    /// Which side differs, or has no record.
    pub side: Side,
    /// Which side differs, and from which.
    pub detail: String,
}

/// The records that the three parties have of one exchange.
#[derive(Debug, Clone, Copy)]
pub struct ThreeSides<'a> {
    /// The inquirer's.
    pub inquirer: Option<&'a ProvisionRecord>,
    /// The core system's.
    pub core: Option<&'a ProvisionRecord>,
    /// The provider's.
    pub provider: Option<&'a ProvisionRecord>,
}

impl ThreeSides<'_> {
    /// Who has no record and must have one.
    pub fn missing(&self) -> Vec<Side> {
        let present = self.present();
        let furthest = furthest(&present);
        let due = present.into_iter().filter(|(side, record)| {
            record.is_none() && furthest.is_some_and(|furthest| *side <= furthest)
        });
        due.map(|(side, _)| side).collect()
    }

    fn present(&self) -> [(Side, Option<&ProvisionRecord>); 3] {
        [
            (Side::Inquirer, self.inquirer),
            (Side::Core, self.core),
            (Side::Provider, self.provider),
        ]
    }

    /// Where the records differ; nothing when every record that must be there is there and they say the same.
    ///
    /// The core system has a record unless the inquirer decided without asking; the provider has one when it
    /// decided, or when a request that it held was cancelled.
    pub fn disagreements(&self) -> Vec<Disagreement> {
        let present = self.present();
        let furthest = furthest(&present);
        let mut found = Vec::new();
        for (side, record) in present {
            let due = furthest.is_some_and(|furthest| side <= furthest);
            match (due, record) {
                (true, None) => found.push(missing(side)),
                (false, Some(_)) => found.push(Disagreement {
                    field: "record",
                    side,
                    detail: format!("{side:?} has a record of an exchange that never reached it"),
                }),
                (true, Some(_)) | (false, None) => {}
            }
        }
        let mut pairs = present.iter().filter_map(|(_, record)| *record);
        if let Some(first) = pairs.next() {
            for other in pairs {
                found.extend(differences(first, other));
            }
        }
        found
    }
}

/// The last party that the exchange reached, as the records say.
fn furthest(present: &[(Side, Option<&ProvisionRecord>)]) -> Option<Side> {
    let reached = present.iter().filter_map(|(_, record)| *record);
    reached.map(ProvisionRecord::reached).max()
}

fn missing(side: Side) -> Disagreement {
    Disagreement {
        field: "record",
        side,
        detail: format!("{side:?} has no record"),
    }
}

fn differences(first: &ProvisionRecord, other: &ProvisionRecord) -> Vec<Disagreement> {
    let (a, b) = (&first.subject, &other.subject);
    let (x, y) = (&first.outcome, &other.outcome);
    let fields = [
        ("processing_serial", a.serial == b.serial),
        ("requested_at", a.requested_at == b.requested_at),
        ("inquirer", a.inquirer == b.inquirer),
        ("delegator", a.delegator == b.delegator),
        ("affair", a.affair == b.affair),
        ("procedure", a.procedure == b.procedure),
        ("provider", a.provider == b.provider),
        (
            "provider_delegator",
            a.provider_delegator == b.provider_delegator,
        ),
        ("specific_info", a.specific_info == b.specific_info),
        ("items", a.items == b.items),
        ("condition", a.condition == b.condition),
        ("result", x.code == y.code),
        ("decided_by", x.decided_by == y.decided_by),
        ("provided_at", x.provided_at == y.provided_at),
        ("answer_digest", x.answer_digest == y.answer_digest),
        ("refusal", x.refusal == y.refusal),
        ("permit_id", first.permit_id == other.permit_id),
        (
            "permission_row",
            first.permission_row == other.permission_row,
        ),
    ];
    let differs = |(field, same): (&'static str, bool)| {
        (!same).then(|| Disagreement {
            field,
            side: other.side,
            detail: format!("{:?} differs from {:?}", other.side, first.side),
        })
    };
    fields.into_iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests;
