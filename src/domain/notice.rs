//! お知らせ: what an institution tells one person through the portal. OSR.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    codes::AddresseeNumber,
    malformed::Flaw,
    repertoire::{first_unprintable, mentions_individual_number},
};

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $ja:literal, $max:literal, $expected:literal, $read:expr) => {
        checked_text! {
            $(#[$doc])*
            $name, $ja, |text: &str| flaw(text, ($max, $expected), $read)
        }

        /// Only the length shows.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

text! {
    /// 件名: 1 to 60 printable characters without a 個人番号 (ours).
    NoticeTitle, "お知らせの件名", 60, "1 to 60", str::to_owned
}
text! {
    /// 本文: 1 to 1,000 printable characters and line breaks (LF) without a 個人番号 (ours).
    NoticeBody, "お知らせの本文", 1_000, "1 to 1,000", |text: &str| text.replace('\n', " ")
}

/// What keeps a text from being sent; `read` makes of it what has to be printable.
fn flaw(
    text: &str,
    (chars_max, expected): (usize, &'static str),
    read: impl Fn(&str) -> String,
) -> Option<Flaw> {
    let actual = text.chars().count();
    if text.trim().is_empty() {
        return Some(Flaw::Empty);
    }
    if actual > chars_max {
        return Some(Flaw::Length { expected, actual });
    }
    if mentions_individual_number(text) {
        return Some(Flaw::LooksLikeIndividualNumber);
    }
    let permitted = "printable characters";
    first_unprintable(&read(text)).map(|position| Flaw::Character {
        position,
        permitted,
    })
}

/// When a notice is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticePeriod {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after; nothing where the end is open.
    pub until: Option<Timestamp>,
}

/// What an institution has to say, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeDraft {
    /// 宛先.
    pub person: AddresseeNumber,
    /// 件名.
    pub title: NoticeTitle,
    /// 本文.
    pub body: NoticeBody,
    /// 掲載期間.
    pub period: NoticePeriod,
}

/// A notice that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number at the institution, from 1; never given twice.
    pub number: u64,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub draft: NoticeDraft,
    /// What became of it.
    pub state: NoticeState,
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// 未読.
    Unread,
    /// 既読.
    Read {
        /// Since when.
        at: Timestamp,
    },
    /// 取下げ: the person does not see it any more.
    Withdrawn {
        /// Since when.
        at: Timestamp,
    },
}

/// What is done with a notice, as the institution's ledger keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeStep {
    /// The institution sent it.
    Sent,
    /// The person marked it as read.
    Read,
    /// The institution took it back.
    Withdrawn,
}

impl Notice {
    /// Whether the person sees it at this moment.
    pub fn is_shown(&self, now: Timestamp) -> bool {
        let NoticePeriod { from, until } = self.draft.period;
        let withdrawn = matches!(self.state, NoticeState::Withdrawn { .. });
        !withdrawn && from <= now && until.is_none_or(|until| now < until)
    }

    /// The state after a step; nothing where it changes nothing: what is read stays read since the first time, and what is
    /// withdrawn stays withdrawn.
    pub fn after(&self, step: NoticeStep, at: Timestamp) -> Option<NoticeState> {
        match (self.state, step) {
            (NoticeState::Unread, NoticeStep::Read) => Some(NoticeState::Read { at }),
            (NoticeState::Unread | NoticeState::Read { .. }, NoticeStep::Withdrawn) => {
                Some(NoticeState::Withdrawn { at })
            }
            (NoticeState::Unread | NoticeState::Read { .. }, NoticeStep::Sent)
            | (NoticeState::Read { .. }, NoticeStep::Read)
            | (
                NoticeState::Withdrawn { .. },
                NoticeStep::Sent | NoticeStep::Read | NoticeStep::Withdrawn,
            ) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn notice(state: NoticeState) -> Notice {
        Notice {
            number: 1,
            sent_at: at(0),
            draft: NoticeDraft {
                person: "000000000000001".parse().unwrap(),
                title: "件名".parse().unwrap(),
                body: "一行目\n二行目".parse().unwrap(),
                period: NoticePeriod {
                    from: at(10),
                    until: Some(at(20)),
                },
            },
            state,
        }
    }

    #[test]
    fn a_text_that_cannot_be_sent_is_refused() {
        for text in [
            "",
            " \n　",
            "a\u{0}b",
            "a\tb",
            "外字\u{e000}",
            "番号は123456789018です",
            &"あ".repeat(1_001),
        ] {
            assert!(text.parse::<NoticeTitle>().is_err(), "{text:?}");
            assert!(text.parse::<NoticeBody>().is_err(), "{text:?}");
        }
        assert!("一行目\n二行目".parse::<NoticeTitle>().is_err());
        assert!("あ".repeat(60).parse::<NoticeTitle>().is_ok());
        assert!("あ".repeat(61).parse::<NoticeTitle>().is_err());
        let body: NoticeBody = "あ".repeat(1_000).parse().unwrap();
        assert!(!format!("{body:?}").contains('あ'));
    }

    #[test]
    fn a_notice_is_shown_in_its_period_until_it_is_withdrawn() {
        for state in [NoticeState::Unread, NoticeState::Read { at: at(1) }] {
            for (second, shown) in [(9, false), (10, true), (19, true), (20, false)] {
                assert_eq!(notice(state).is_shown(at(second)), shown);
            }
        }
        let withdrawn = NoticeState::Withdrawn { at: at(1) };
        assert!(!notice(withdrawn).is_shown(at(15)));
    }

    #[test]
    fn a_step_that_changes_nothing_keeps_the_first_time() {
        let read = NoticeState::Read { at: at(1) };
        let withdrawn = NoticeState::Withdrawn { at: at(1) };
        let unread = notice(NoticeState::Unread);
        assert_eq!(unread.after(NoticeStep::Read, at(1)), Some(read));
        assert_eq!(unread.after(NoticeStep::Withdrawn, at(1)), Some(withdrawn));
        assert_eq!(
            notice(read).after(NoticeStep::Withdrawn, at(1)),
            Some(withdrawn)
        );
        assert_eq!(notice(read).after(NoticeStep::Read, at(2)), None);
        for step in [NoticeStep::Sent, NoticeStep::Read, NoticeStep::Withdrawn] {
            assert_eq!(notice(withdrawn).after(step, at(2)), None);
        }
    }
}
