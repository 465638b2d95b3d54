//! OSR: the notices of the institutions to the people.

use std::sync::Arc;

use tonic::Status;

use super::{CODE_DIGITS, institution_name, person};
use crate::{
    domain::{
        codes::InstitutionCode,
        notice::{Notice, NoticeDraft, NoticePeriod, NoticeState},
    },
    grpc::{
        caller::Entered,
        fields::{Fields, page, page_size, timestamp},
        proto::v1,
        status::{ToStatus, foreign_page_token},
    },
    world::{NoticePlace, World},
};

pub(super) async fn send(
    entered: &Entered,
    mut message: v1::SendNoticeRequest,
) -> Result<v1::SentNotice, Status> {
    let number = ("addressee_number".to_owned(), &mut message.addressee_number);
    entered.numbers()?.inward([number].into_iter())?;
    let now = entered.world.now();
    let mut fields = Fields::default();
    let person = fields.required("addressee_number", &message.addressee_number);
    let title = fields.required("title", &message.title);
    let body = fields.required("body", &message.body);
    let (from, until) = (
        fields.time("from", message.from).unwrap_or(now),
        fields.time("until", message.until),
    );
    if until.is_some_and(|until| until <= from.max(now)) {
        let en = "is not after the beginning and the world's time";
        fields.flaw(
            "until",
            en,
            "開始日時と現在日時より後の日時を指定してください",
        );
    }
    let texts = title.zip(body);
    let draft = person
        .zip(texts)
        .map(|(person, (title, body))| NoticeDraft {
            person,
            title,
            body,
            period: NoticePeriod { from, until },
        });
    let draft = fields.finish(draft)?;
    let act = move |world: Arc<World>, institution| async move {
        let server = world.server(institution)?;
        Ok(server.send_notice(draft, world.now()).await?)
    };
    encode_sent(entered, entered.see_through(act).await?)
}

pub(super) async fn withdraw(entered: &Entered, number: u64) -> Result<v1::SentNotice, Status> {
    let act = move |world: Arc<World>, institution| async move {
        let server = world.server(institution)?;
        Ok(server.withdraw_notice(number, world.now()).await?)
    };
    encode_sent(entered, entered.see_through(act).await?)
}

pub(super) fn sent(
    entered: &Entered,
    message: &v1::ListSentNoticesRequest,
) -> Result<v1::ListSentNoticesResponse, Status> {
    let page = page(message.page_size, &message.page_token)?;
    let found = entered.server()?.sent_notices(&page).to_status()?;
    let notices = found.rows.into_iter();
    let notices = notices.map(|notice| encode_sent(entered, notice));
    Ok(v1::ListSentNoticesResponse {
        notices: notices.collect::<Result<_, _>>()?,
        next_page_token: found.next_token.unwrap_or_default(),
    })
}

pub(super) async fn own(
    world: &World,
    message: &v1::ListOwnNoticesRequest,
) -> Result<v1::ListOwnNoticesResponse, Status> {
    let person = person(&message.portal_token)?;
    let limit = page_size(message.page_size)?;
    let from = place(&message.page_token)?;
    let listed = world.own_notices(&person, (from, limit)).await;
    let (found, next) = listed.to_status()?;
    let notices = found.into_iter();
    let next = next.map(|(institution, token)| format!("{institution}{token}"));
    Ok(v1::ListOwnNoticesResponse {
        notices: notices
            .map(|(sender, notice)| encode_own(world, sender, notice))
            .collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

pub(super) async fn mark_read(
    world: &Arc<World>,
    message: &v1::MarkNoticeReadRequest,
) -> Result<v1::OwnNotice, Status> {
    let person = person(&message.portal_token)?;
    let mut fields = Fields::default();
    let sender = fields.required("institution", &message.institution);
    let (sender, number) = (fields.finish(sender)?, message.number);
    let marking = Arc::clone(world);
    let act = async move { marking.mark_notice_read(&person, (sender, number)).await };
    let notice = world.see_through(act).await.to_status()?;
    Ok(encode_own(world, sender, notice))
}

/// The institution, and behind it the token of its own list.
fn place(text: &str) -> Result<Option<NoticePlace>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let parts = text.split_at_checked(CODE_DIGITS);
    let read = parts.and_then(|(code, token)| Some((code.parse().ok()?, token.to_owned())));
    read.map(Some).ok_or_else(foreign_page_token)
}

fn encode_own(world: &World, sender: InstitutionCode, notice: Notice) -> v1::OwnNotice {
    let read_at = match notice.state {
        NoticeState::Read { at } => Some(timestamp(at)),
        NoticeState::Unread | NoticeState::Withdrawn { .. } => None,
    };
    v1::OwnNotice {
        institution: sender.to_string(),
        institution_name: institution_name(world, sender),
        number: notice.number,
        title: notice.draft.title.into(),
        body: notice.draft.body.into(),
        sent_at: Some(timestamp(notice.sent_at)),
        read_at,
    }
}

fn encode_sent(entered: &Entered, notice: Notice) -> Result<v1::SentNotice, Status> {
    let (state, state_at) = match notice.state {
        NoticeState::Unread => (v1::NoticeState::Unread, None),
        NoticeState::Read { at } => (v1::NoticeState::Read, Some(timestamp(at))),
        NoticeState::Withdrawn { at } => (v1::NoticeState::Withdrawn, Some(timestamp(at))),
    };
    let NoticePeriod { from, until } = notice.draft.period;
    Ok(v1::SentNotice {
        number: notice.number,
        addressee_number: entered.numbers()?.outward(notice.draft.person)?,
        title: notice.draft.title.into(),
        body: notice.draft.body.into(),
        from: Some(timestamp(from)),
        until: until.map(timestamp),
        sent_at: Some(timestamp(notice.sent_at)),
        state: state.into(),
        state_at,
    })
}
