//! The messages of `AddresseeService`: what a person's record and four items look like on the wire.

use super::{
    fields::{Fields, timestamp},
    proto::v1,
};
use crate::{
    addressee::NumberedAs,
    domain::{
        acquisition::UnlinkReason,
        addressee::{Addressee, FourItems, Sex, Standing},
    },
};

/// The longest 氏名, in characters (ours).
const NAME_CHARS_MAX: usize = 100;

/// The longest 住所, in characters (ours).
const ADDRESS_CHARS_MAX: usize = 200;

/// Reads 基本4情報.
pub(super) fn read_items(fields: &mut Fields, items: Option<&v1::FourItems>) -> Option<FourItems> {
    let Some(items) = items else {
        fields.flaw("four_items", "is required", "必須項目です");
        return None;
    };
    let name = text(fields, "four_items.name", &items.name, NAME_CHARS_MAX);
    let address = text(
        fields,
        "four_items.address",
        &items.address,
        ADDRESS_CHARS_MAX,
    );
    if items.birth_date.is_empty() {
        fields.flaw("four_items.birth_date", "is required", "必須項目です");
    }
    let birth_date = fields.day("four_items.birth_date", &items.birth_date);
    let sex = match items.sex() {
        v1::Sex::Female => Some(Sex::Female),
        v1::Sex::Male => Some(Sex::Male),
        v1::Sex::Unspecified => {
            fields.flaw("four_items.sex", "is required", "必須項目です");
            None
        }
    };
    Some(FourItems {
        name: name?,
        address: address?,
        birth_date: birth_date?,
        sex: sex?,
    })
}

fn text(fields: &mut Fields, field: &str, text: &str, chars_max: usize) -> Option<String> {
    let chars = text.chars().count();
    if chars == 0 || chars > chars_max || text.chars().any(char::is_control) {
        let en = format!("must be 1 to {chars_max} characters without control characters");
        fields.flaw(
            field,
            en,
            &format!("制御文字を除く1から{chars_max}文字まで"),
        );
        return None;
    }
    Some(text.to_owned())
}

/// Reads why a person has left.
pub(super) fn standing_reason(fields: &mut Fields, reason: i32) -> Option<UnlinkReason> {
    match v1::UnlinkReason::try_from(reason) {
        Ok(v1::UnlinkReason::MovedOut) => Some(UnlinkReason::MovedOut),
        Ok(v1::UnlinkReason::Died) => Some(UnlinkReason::Died),
        Ok(v1::UnlinkReason::Unspecified) | Err(_) => {
            let en = "must be MOVED_OUT or DIED";
            fields.flaw("reason", en, "転出または死亡を指定してください");
            None
        }
    }
}

/// A person's record without what is sealed.
pub(super) fn encode(addressee: &Addressee) -> v1::Addressee {
    let (standing, merged_into) = match &addressee.standing {
        Standing::Current => (v1::Standing::Current, String::new()),
        Standing::MergedInto { number } => (v1::Standing::Merged, number.as_str().to_owned()),
        Standing::Left { reason } => match reason {
            UnlinkReason::MovedOut => (v1::Standing::MovedOut, String::new()),
            UnlinkReason::Died => (v1::Standing::Died, String::new()),
            UnlinkReason::Merged => (v1::Standing::Merged, String::new()),
        },
    };
    let locals = addressee.locals.iter().map(|local| v1::LocalName {
        system: local.system.to_string(),
        local_number: local.number.to_string(),
    });
    v1::Addressee {
        addressee_number: addressee.number.as_str().to_owned(),
        standing: standing.into(),
        since: Some(timestamp(addressee.since)),
        merged_into,
        locals: locals.collect(),
        individual_number: String::new(),
        four_items: None,
    }
}

/// 基本4情報.
pub(super) fn encode_items(items: &FourItems) -> v1::FourItems {
    let sex = match items.sex {
        Sex::Female => v1::Sex::Female,
        Sex::Male => v1::Sex::Male,
    };
    v1::FourItems {
        name: items.name.clone(),
        address: items.address.clone(),
        birth_date: items.birth_date.to_string(),
        sex: sex.into(),
    }
}

/// How a person got the number.
pub(super) fn numbered_as(how: NumberedAs) -> v1::NumberedAs {
    match how {
        NumberedAs::New => v1::NumberedAs::New,
        NumberedAs::Linked => v1::NumberedAs::Linked,
        NumberedAs::Known => v1::NumberedAs::Known,
        NumberedAs::Returned => v1::NumberedAs::Returned,
    }
}
