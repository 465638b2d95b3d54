//! What a person sees at the portal, gathered from the institutions: the core system says which symbols are the person's, and
//! each institution answers by its own.

use super::{World, WorldFault};
use crate::{
    domain::{
        codes::InstitutionCode,
        exchange::Side,
        portal::{PortalToken, PortalUse},
        record::PlacedRecord,
        result::ResultCode,
    },
    institution::{OwnData, OwnDataWish, RecordFilter},
    store::{Keeper, SearchPlace},
};

/// Which of the own records a person wants to see.
#[derive(Debug, Clone, Default)]
pub struct OwnRecordFilter {
    /// Those that one of the two institutions is this one.
    pub institution: Option<InstitutionCode>,
    /// The other filters.
    pub record: RecordFilter,
}

/// Where a list of the own records goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnPlace {
    /// At this institution.
    pub institution: InstitutionCode,
    /// At this place of its records.
    pub place: SearchPlace,
}

impl World {
    /// The records of exchanges about the person, each exchange once: institution by institution, in the order they were
    /// written. An exchange that either institution has marked 不開示 is not among them. A page can be short and still
    /// have a next one. That the person looks is on record.
    ///
    /// # Errors
    /// When the token is nobody's, or a record cannot be read or written.
    pub async fn own_records(
        &self,
        token: &PortalToken,
        filter: &OwnRecordFilter,
        (from, limit): (Option<OwnPlace>, usize),
    ) -> Result<(Vec<PlacedRecord>, Option<OwnPlace>), WorldFault> {
        let symbols = self.core.symbols_of(token)?;
        let what = PortalUse::RecordsListed;
        self.core.record_portal_use(token, what, self.now()).await?;
        let mut shown = Vec::new();
        for (institution, symbol) in symbols {
            let place = match from {
                Some(from) if institution < from.institution => continue,
                Some(from) if institution == from.institution => from.place,
                Some(_) | None => SearchPlace::default(),
            };
            let page = (place, limit - shown.len());
            let server = self.server(institution)?;
            let (found, next) = server.disclose_records(&symbol, &filter.record, page)?;
            for placed in found {
                if filter.is_about(&placed) && self.shows(&placed)? {
                    shown.push(placed);
                }
            }
            if let Some(place) = next {
                return Ok((shown, Some(OwnPlace { institution, place })));
            }
        }
        Ok((shown, None))
    }

    /// The person's own data at an institution; of a ward of a designated city, at the city. That the person asks is on
    /// record at the core system, and at the institution that it reaches.
    ///
    /// # Errors
    /// When the token is nobody's, 自己情報提供不可 forbids it, or a record cannot be written.
    pub async fn own_data(
        &self,
        token: &PortalToken,
        institution: InstitutionCode,
        wish: &OwnDataWish,
    ) -> Result<OwnData, WorldFault> {
        let (symbols, now) = (self.core.symbols_of(token)?, self.now());
        let asked = self.directory.resolve(institution);
        let code = asked.map_or(institution, |asked| asked.code);
        let what = PortalUse::OwnDataRequested;
        self.core.record_portal_use(token, what, now).await?;
        let Some((_, symbol)) = symbols.iter().find(|(at, _)| *at == code) else {
            return Ok((ResultCode::SymbolMissing, None));
        };
        if let Err(result) = self.core.lets_portal_through(code, now) {
            return Ok((result, None));
        }
        let server = self.server(code)?;
        Ok(server.provide_to_self(symbol, wish, now).await?)
    }

    /// Whether this of an exchange's records is the one to show: the inquirer's, or the provider's where the inquirer has
    /// none any more; and the other side has not marked it 不開示.
    fn shows(&self, placed: &PlacedRecord) -> Result<bool, WorldFault> {
        let subject = &placed.record.subject;
        let other = match placed.record.side {
            Side::Inquirer => subject.provider,
            Side::Provider => subject.inquirer,
            Side::Core => return Ok(false),
        };
        let keeper = Keeper::Institution(other);
        Ok(match self.records.record(keeper, subject.serial)? {
            Some(_) if placed.record.side == Side::Provider => false,
            Some(there) => !there.nondisclosure,
            None => true,
        })
    }
}

impl OwnRecordFilter {
    fn is_about(&self, placed: &PlacedRecord) -> bool {
        let subject = &placed.record.subject;
        let wanted = self.institution;
        wanted.is_none_or(|code| code == subject.inquirer || code == subject.provider)
    }
}
