//! The messages that several services send.

use super::proto::v1;
use crate::domain::{
    condition::Condition,
    exchange::{Provided, SealedAnswer},
    replica::{DataSetDraft, DataSetRecord, Item, ItemDraft, ItemValue, MissingReason},
    result::ResultCode,
    selection::{AnswerRecord, Withheld},
};

/// A result with its general text.
pub(super) fn result(code: ResultCode) -> v1::Result {
    result_with(code, code.message_ja().to_owned())
}

/// A result with the text of one exchange.
pub(super) fn result_with(code: ResultCode, message: String) -> v1::Result {
    v1::Result {
        code: result_code(code).into(),
        status_code: code.status_code().to_owned(),
        message,
    }
}

pub(super) fn result_code(code: ResultCode) -> v1::ResultCode {
    match code {
        ResultCode::EndedNormally => v1::ResultCode::EndedNormally,
        ResultCode::Accepted => v1::ResultCode::Accepted,
        ResultCode::Checking => v1::ResultCode::Checking,
        ResultCode::WithProvider => v1::ResultCode::WithProvider,
        ResultCode::WaitingForStaff => v1::ResultCode::WaitingForStaff,
        ResultCode::NotPermitted => v1::ResultCode::NotPermitted,
        ResultCode::PermissionListUnusable => v1::ResultCode::PermissionListUnusable,
        ResultCode::NotRegistered => v1::ResultCode::NotRegistered,
        ResultCode::NotDeclared => v1::ResultCode::NotDeclared,
        ResultCode::OutsidePublication => v1::ResultCode::OutsidePublication,
        ResultCode::WrongInstitution => v1::ResultCode::WrongInstitution,
        ResultCode::SymbolMissing => v1::ResultCode::SymbolMissing,
        ResultCode::RefusedByProvider => v1::ResultCode::RefusedByProvider,
        ResultCode::PartlyProvided => v1::ResultCode::PartlyProvided,
        ResultCode::CommunicationError => v1::ResultCode::CommunicationError,
        ResultCode::OutsideServiceHours => v1::ResultCode::OutsideServiceHours,
        ResultCode::Expired => v1::ResultCode::Expired,
        ResultCode::Cancelled => v1::ResultCode::Cancelled,
        ResultCode::PermitInvalid => v1::ResultCode::PermitInvalid,
        ResultCode::PermitExpired => v1::ResultCode::PermitExpired,
        ResultCode::PermitUsed => v1::ResultCode::PermitUsed,
    }
}

/// The result that a filter names; nothing for all.
pub(super) fn domain_result(code: v1::ResultCode) -> Option<ResultCode> {
    ResultCode::ALL
        .into_iter()
        .find(|known| result_code(*known) == code)
}

pub(super) fn answer(provided: Provided) -> v1::Answer {
    v1::Answer {
        records: provided.answer.records.into_iter().map(record).collect(),
        withheld: provided.withheld.into_iter().map(withheld).collect(),
    }
}

fn record(record: AnswerRecord) -> v1::AnswerRecord {
    v1::AnswerRecord {
        record_key: record.record_key.to_string(),
        layout_version: record.layout_version.to_string(),
        fiscal_year: record.fiscal_year.map(|year| year.year().into()),
        record_date: record.date.map(|day| day.to_string()).unwrap_or_default(),
        content: record.content.into_iter().map(data_set).collect(),
    }
}

pub(super) fn data_set(record: DataSetRecord) -> v1::DataSetRecord {
    v1::DataSetRecord {
        data_set_code: record.code.to_string(),
        items: record.items.into_iter().map(item).collect(),
        children: record.children.into_iter().map(data_set).collect(),
    }
}

fn item(item: Item) -> v1::Item {
    v1::Item {
        item_code: item.code.to_string(),
        content: Some(match item.value {
            ItemValue::Present(value) => v1::item::Content::Value(value),
            ItemValue::Missing(reason) => v1::item::Content::Missing(missing(reason).into()),
        }),
    }
}

pub(super) fn missing(reason: MissingReason) -> v1::MissingReason {
    match reason {
        MissingReason::NotDeclared => v1::MissingReason::NotDeclared,
        MissingReason::NotApplicable => v1::MissingReason::NotApplicable,
        MissingReason::NotHeld => v1::MissingReason::NotHeld,
        MissingReason::NotDecided => v1::MissingReason::NotDecided,
        MissingReason::UnderCorrection => v1::MissingReason::UnderCorrection,
        MissingReason::PastRetention => v1::MissingReason::PastRetention,
    }
}

/// A record of a data set as it was sent, for the form check.
pub(super) fn data_set_draft(message: v1::DataSetRecord) -> DataSetDraft {
    let (items, children) = (message.items.into_iter(), message.children.into_iter());
    DataSetDraft {
        code: message.data_set_code,
        items: items.map(item_draft).collect(),
        children: children.map(data_set_draft).collect(),
    }
}

fn item_draft(message: v1::Item) -> ItemDraft {
    let value = match message.content {
        None => None,
        Some(v1::item::Content::Value(value)) => Some(ItemValue::Present(value)),
        Some(v1::item::Content::Missing(reason)) => missing_reason(reason).map(ItemValue::Missing),
    };
    ItemDraft {
        code: message.item_code,
        value,
    }
}

/// Nothing where the number is no reason: the form check then refuses the item.
fn missing_reason(reason: i32) -> Option<MissingReason> {
    match v1::MissingReason::try_from(reason).ok()? {
        v1::MissingReason::Unspecified => None,
        v1::MissingReason::NotDeclared => Some(MissingReason::NotDeclared),
        v1::MissingReason::NotApplicable => Some(MissingReason::NotApplicable),
        v1::MissingReason::NotHeld => Some(MissingReason::NotHeld),
        v1::MissingReason::NotDecided => Some(MissingReason::NotDecided),
        v1::MissingReason::UnderCorrection => Some(MissingReason::UnderCorrection),
        v1::MissingReason::PastRetention => Some(MissingReason::PastRetention),
    }
}

fn withheld(withheld: Withheld) -> v1::Withheld {
    let what = match withheld {
        Withheld::OutsidePublication { records } => {
            let records = u64::try_from(records).unwrap_or(u64::MAX);
            v1::withheld::What::RecordsOutsidePublication(records)
        }
        Withheld::Missing { item, reason } => v1::withheld::What::Missing(v1::MissingItem {
            item_code: item.to_string(),
            reason: missing(reason).into(),
        }),
        Withheld::NotStated { item } => v1::withheld::What::NotStated(item.to_string()),
    };
    v1::Withheld { what: Some(what) }
}

pub(super) fn sealed(answer: SealedAnswer) -> v1::SealedAnswer {
    v1::SealedAnswer {
        encapsulated_key: answer.encapsulated_key,
        ciphertext: answer.ciphertext,
        info: answer.info,
        aad: answer.aad,
        key_fingerprint: answer.key_fingerprint,
        export_context: answer.export_context.into_vec(),
    }
}

pub(super) fn condition(condition: Condition) -> Option<v1::Condition> {
    let kind = match condition {
        Condition::None => return None,
        Condition::FiscalYear(year) => v1::condition::Kind::FiscalYear(year.year().into()),
        Condition::Period(period) => v1::condition::Kind::Period(v1::Period {
            from: period.from().to_string(),
            to: period.to().to_string(),
        }),
    };
    Some(v1::Condition { kind: Some(kind) })
}
