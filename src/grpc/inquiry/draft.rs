//! Reads an inquiry request and gathers every flaw in it.

use tonic::Status;

use crate::{
    domain::{
        codes::ItemCode,
        inquiry::{DETAILS_MAX, INFOS_PER_DETAIL_MAX, ITEMS_PER_INFO_MAX},
    },
    grpc::{fields::Fields, proto::v1},
    institution::{AskedDraft, DetailDraft, InquiryDraft},
};

/// The inquiry that the message asks for.
///
/// # Errors
/// Every field that is flawed.
pub(super) fn decode(message: &v1::SubmitInquiryRequest) -> Result<InquiryDraft, Status> {
    let mut fields = Fields::default();
    let requested_at = fields.time("requested_at", message.requested_at);
    if message.requested_at.is_none() {
        fields.flaw("requested_at", "is required", "必須項目です");
    }
    let unit = fields.required("unit_code", &message.unit_code);
    let user = fields.required("user_id", &message.user_id);
    let affair = fields.required("affair", &message.affair);
    let procedure = fields.required("procedure", &message.procedure);
    let delegator = fields.optional("delegator", &message.delegator);
    let key = &message.sealing_public_key;
    let sealing_key = (!key.is_empty())
        .then(|| fields.public_key("sealing_public_key", key))
        .flatten();
    fields.counted("details", message.details.len(), DETAILS_MAX);
    let details = if message.details.len() <= DETAILS_MAX {
        decode_details(&mut fields, &message.details)
    } else {
        Vec::new()
    };
    let draft = || {
        Some(InquiryDraft {
            requested_at: requested_at?,
            unit: unit?,
            user: user?,
            affair: affair?,
            procedure: procedure?,
            delegator,
            sealing_key,
            details,
        })
    };
    let draft = draft();
    fields.finish(draft)
}

fn decode_details(fields: &mut Fields, messages: &[v1::InquiryDetailRequest]) -> Vec<DetailDraft> {
    let mut details = Vec::with_capacity(messages.len());
    for (d, message) in messages.iter().enumerate() {
        let at = format!("details[{d}]");
        let record_id = fields.required(&format!("{at}.record_id"), &message.record_id);
        let number = &message.addressee_number;
        let addressee = fields.required(&format!("{at}.addressee_number"), number);
        let infos = &message.specific_infos;
        let field = format!("{at}.specific_infos");
        fields.counted(&field, infos.len(), INFOS_PER_DETAIL_MAX);
        let asked = infos.iter().take(INFOS_PER_DETAIL_MAX).enumerate();
        let asked: Vec<_> = asked
            .filter_map(|(i, info)| decode_asked(fields, &format!("{field}[{i}]"), info))
            .collect();
        if let (Some(record_id), Some(addressee)) = (record_id, addressee) {
            details.push(DetailDraft {
                record_id,
                addressee,
                nondisclosure: message.nondisclosure,
                infos: asked,
            });
        }
    }
    details
}

fn decode_asked(
    fields: &mut Fields,
    at: &str,
    message: &v1::SpecificInfoRequest,
) -> Option<AskedDraft> {
    let provider = fields.required(&format!("{at}.provider"), &message.provider);
    let field = format!("{at}.provider_delegator");
    let provider_delegator = fields.optional(&field, &message.provider_delegator);
    let specific_info = fields.required(&format!("{at}.specific_info"), &message.specific_info);
    if message.items.len() > ITEMS_PER_INFO_MAX {
        fields.counted(
            &format!("{at}.items"),
            message.items.len(),
            ITEMS_PER_INFO_MAX,
        );
        return None;
    }
    let items = decode_items(fields, &format!("{at}.items"), &message.items);
    let condition = fields.condition(&format!("{at}.condition"), message.condition.as_ref());
    Some(AskedDraft {
        provider: provider?,
        provider_delegator,
        specific_info: specific_info?,
        items,
        condition,
    })
}

fn decode_items(fields: &mut Fields, at: &str, texts: &[String]) -> Vec<ItemCode> {
    let mut items: Vec<ItemCode> = Vec::with_capacity(texts.len());
    for (k, text) in texts.iter().enumerate() {
        let field = format!("{at}[{k}]");
        if let Some(first) = texts.iter().take(k).position(|other| other == text) {
            let en = format!("is the same as {at}[{first}]");
            fields.flaw(field, en, &format!("{at}[{first}]と同じです"));
        } else {
            items.extend(fields.required::<ItemCode>(&field, text));
        }
    }
    items
}
