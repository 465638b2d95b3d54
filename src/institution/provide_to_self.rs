//! 自己情報: gives a person their own data through the portal, unless 自己情報提供不可 forbids it. JTK.

use jiff::Timestamp;

use super::{ActFault, IntermediateServer, provide::hex_digest};
use crate::{
    domain::{
        codes::{AddresseeNumber, ItemCode, SpecificInfoCode},
        condition::Condition,
        exchange::Provided,
        jst::jst_date,
        no_self_provision::{FlagChange, NoSelfProvision},
        person::Symbol,
        portal::PortalRefusal,
        record::Entry,
        refusal::{Refusal, Thing},
        result::ResultCode,
        selection::{Found, Selection, select},
    },
    store::{Page, PageOf},
};

/// What a person wants to see of their own data.
#[derive(Debug, Clone)]
pub struct OwnDataWish {
    /// 特定個人情報名.
    pub specific_info: SpecificInfoCode,
    /// 特定個人情報項目; empty for all.
    pub items: Vec<ItemCode>,
    /// Which records.
    pub condition: Condition,
}

/// How a person's request for their own data ended, and the data where there are any.
pub type OwnData = (ResultCode, Option<Provided>);

impl IntermediateServer {
    /// Gives the person what their replicas say, or says which kind of "no data" it is. It is on record before anything
    /// is given, a refusal too.
    ///
    /// # Errors
    /// When 自己情報提供不可 forbids it; when the record cannot be written or the state not read.
    pub async fn provide_to_self(
        &self,
        symbol: &Symbol,
        wish: &OwnDataWish,
        now: Timestamp,
    ) -> Result<OwnData, ActFault> {
        let own = self.own_data(symbol, wish, now)?;
        let entry = Entry::OwnDataRequested {
            symbol_digest: hex_digest(&symbol.0),
            specific_info: wish.specific_info,
            items: wish.items.clone(),
            result: own.as_ref().map(|(code, _)| *code),
        };
        let records = &self.around.records;
        drop(records.write(self.keeper(), &entry, now).await?);
        Ok(own.ok_or(Refusal::from(PortalRefusal::NoSelfProvision))?)
    }

    /// Nothing where 自己情報提供不可 forbids it.
    fn own_data(
        &self,
        symbol: &Symbol,
        wish: &OwnDataWish,
        now: Timestamp,
    ) -> Result<Option<OwnData>, ActFault> {
        let (state, code, info) = (&self.around.state, self.profile.code, wish.specific_info);
        let Some(person) = state.person(code, symbol)? else {
            return Ok(Some((ResultCode::WrongInstitution, None)));
        };
        if self.forbids_self_provision(person, info)? {
            return Ok(None);
        }
        if !self.profile.holds.contains(&info) {
            return Ok(Some((ResultCode::WrongInstitution, None)));
        }
        let replicas = state.replicas_of(code, person, info)?;
        let selection = Selection {
            items: &wish.items,
            condition: wish.condition,
            on: jst_date(now),
        };
        Ok(Some(match select(&replicas, &selection) {
            Found::NotRegistered => (ResultCode::NotRegistered, None),
            Found::NotDeclared => (ResultCode::NotDeclared, None),
            Found::OutsidePublication => (ResultCode::OutsidePublication, None),
            Found::Answer { answer, partly } => {
                let code = if partly.is_empty() {
                    ResultCode::EndedNormally
                } else {
                    ResultCode::PartlyProvided
                };
                let withheld = partly;
                (code, Some(Provided { answer, withheld }))
            }
        }))
    }

    fn forbids_self_provision(
        &self,
        person: AddresseeNumber,
        info: SpecificInfoCode,
    ) -> Result<bool, ActFault> {
        let flags = NoSelfProvision::that_forbid(person, info);
        let state = &self.around.state;
        Ok(state.any_no_self_provision(self.profile.code, &flags)?)
    }

    /// Sets a flag of 自己情報提供不可, again without effect, or takes it away. It is on record before it counts.
    ///
    /// # Errors
    /// When exactly this flag is to be taken away and is not set; when the record or the state cannot be written.
    pub async fn change_no_self_provision(
        &self,
        flag: NoSelfProvision,
        change: FlagChange,
        now: Timestamp,
    ) -> Result<(), ActFault> {
        let (state, code) = (&self.around.state, self.profile.code);
        if change == FlagChange::Cleared && !state.any_no_self_provision(code, &[flag])? {
            return Err(Refusal::NotFound(Thing::NoSelfProvision).into());
        }
        let entry = Entry::NoSelfProvisionChanged {
            change,
            on_person: flag.person().is_some(),
            specific_info: flag.specific_info(),
        };
        let records = &self.around.records;
        let _until_the_state_has_it = records.write(self.keeper(), &entry, now).await?;
        Ok(state.change_no_self_provision(code, flag, change).await?)
    }

    /// The flags of 自己情報提供不可 that are set.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn list_no_self_provision(&self, page: &Page) -> Result<PageOf<NoSelfProvision>, ActFault> {
        let state = &self.around.state;
        Ok(state.list_no_self_provision(self.profile.code, page)?)
    }
}
