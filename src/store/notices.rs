//! お知らせ of the institutions, newest first, and which are whose.

use super::{Batch, Key, Page, PageOf, State, StoreFault};
use crate::domain::{codes::InstitutionCode, notice::Notice};

use super::symbols::PersonAt;

fn sent(institution: InstitutionCode) -> Key {
    Key::new("notice").text(institution.as_str())
}

fn to((institution, person): PersonAt) -> Key {
    Key::new("notice-to")
        .text(institution.as_str())
        .text(person.as_str())
}

fn newest_first(list: Key, number: u64) -> Key {
    list.number(u64::MAX - number)
}

impl State {
    /// Keeps a notice, a new one or in place of the one of its number.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn keep_notice(
        &self,
        institution: InstitutionCode,
        notice: &Notice,
    ) -> Result<(), StoreFault> {
        let (number, to) = (notice.number, to((institution, notice.draft.person)));
        let mut batch = Batch::new();
        batch.put_value(newest_first(sent(institution), number), notice)?;
        batch.put_value(newest_first(to, number), &number)?;
        self.engine.write(batch).await
    }

    /// A notice of the institution.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notice(
        &self,
        institution: InstitutionCode,
        number: u64,
    ) -> Result<Option<Notice>, StoreFault> {
        self.engine
            .read_value(&newest_first(sent(institution), number))
    }

    /// The notices that the institution has sent.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notices(
        &self,
        institution: InstitutionCode,
        page: &Page,
    ) -> Result<PageOf<Notice>, StoreFault> {
        self.page(&sent(institution), page)
    }

    /// The notices to a person that pass.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn notices_to(
        &self,
        who: PersonAt,
        page: &Page,
        passes: impl Fn(&Notice) -> bool,
    ) -> Result<PageOf<Notice>, StoreFault> {
        self.page_of_those(&to(who), page, |number: u64| {
            Ok::<_, StoreFault>(self.notice(who.0, number)?.filter(&passes))
        })
    }
}
