//! 自動応答不可: sets, clears and lists the flags that hold requests for a human.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer};
use crate::{
    domain::{
        codes::SpecificInfoCode,
        provision::NoAutoReply,
        record::Entry,
        refusal::{Refusal, Thing},
    },
    store::{Page, PageOf},
};

impl IntermediateServer {
    /// Sets a flag: from now on the requests that it fits are held. Setting it again changes nothing.
    ///
    /// # Errors
    /// When the record or the state cannot be written.
    pub async fn set_no_auto_reply(
        &self,
        flag: NoAutoReply,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let entry = Entry::NoAutoReplySet {
            on: flag.reason(),
            specific_info: specific_info(flag),
        };
        let (records, state) = (&self.around.records, &self.around.state);
        records.write(self.keeper(), &entry, now).await?;
        Ok(state.set_no_auto_reply(self.profile.code, flag).await?)
    }

    /// Takes a flag away. Requests that are held already stay held.
    ///
    /// # Errors
    /// When exactly this flag is not set; when the record or the state cannot be written.
    pub async fn clear_no_auto_reply(
        &self,
        flag: NoAutoReply,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let absent = Refusal::NotFound(Thing::NoAutoReply);
        let (records, state) = (&self.around.records, &self.around.state);
        if !state.has_no_auto_reply(self.profile.code, flag)? {
            return Err(absent.into());
        }
        let entry = Entry::NoAutoReplyCleared {
            on: flag.reason(),
            specific_info: specific_info(flag),
        };
        records.write(self.keeper(), &entry, now).await?;
        if state.clear_no_auto_reply(self.profile.code, flag).await? {
            Ok(())
        } else {
            Err(absent.into())
        }
    }

    /// The flags that are set.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn no_auto_reply(&self, page: Page) -> Result<PageOf<NoAutoReply>, ActFault> {
        Ok(self.around.state.no_auto_reply(self.profile.code, page)?)
    }
}

fn specific_info(flag: NoAutoReply) -> Option<SpecificInfoCode> {
    match flag {
        NoAutoReply::Person(_) => None,
        NoAutoReply::SpecificInfo(info) | NoAutoReply::Both(_, info) => Some(info),
    }
}
