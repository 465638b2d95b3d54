//! 本人確認情報: carries the requests for it through the resident network, and answers them at its national server from the
//! sample population and what municipalities have told since.

use std::cmp::Ordering;

use super::{World, WorldFault};
use crate::{
    domain::{
        addressee::{FourItems, Sex},
        codes::InstitutionCode,
        identity::{
            ChangeReason, IdentityAct, IdentityInformation, IdentityRefusal, IdentityUse,
            IdentityUser, Notification,
        },
        names::RecordId,
        operation::OperationOutcome,
        person::IndividualNumber,
        record::Entry,
        refusal::Refusal,
        resident_request::{ResidentRequest, ResidentRequestEnd},
        symbol_request::Pace,
    },
    network::{
        Asked, AtNationalServer, Ending, MovedResident, NetworkFault, NewEntry, ResidentAnswer,
        ResidentDraft,
    },
    sample::population::{self, SamplePerson},
    store::{Keeper, Recorded, ResidentRequestName, StoreFault},
};

/// The day on which the first 個人番号 were given: sample people are registered since then, or since their birth.
const FIRST_NUMBERS: jiff::civil::Date = jiff::civil::date(2015, 10, 5);

/// Whose 個人番号 a number is.
pub(super) enum Holder {
    /// A person's.
    Person(u32),
    /// It was a person's, who has another one now.
    Former(u32),
    /// Nobody's.
    Nobody,
}

/// What the national server makes of a request: whom it is about, and its end.
type Decided = (
    Option<u32>,
    Result<(ResidentAnswer, Option<NewEntry>), IdentityRefusal>,
);

impl World {
    /// Brings a request for identity information to the resident network. Where that moves at once it has ended when this
    /// returns, and else it goes its way by itself.
    ///
    /// # Errors
    /// When the unit or the user has no authority for the affair; a caller that is no municipality notifies; the institution
    /// may not look up for the affair and purpose: each of these is on record. When the id was used before, or the resident
    /// network is closed or down.
    pub async fn request_identity(
        &self,
        institution: InstitutionCode,
        draft: ResidentDraft,
    ) -> Result<(), WorldFault> {
        let name = (institution, draft.record_id.clone());
        if let Err(refusal) = self.entitled(institution, &draft.by, draft.asked.act()) {
            let used = IdentityUse {
                record_id: draft.record_id,
                act: draft.asked.act(),
                by: draft.by,
                person_digest: None,
                outcome: OperationOutcome::refused(&refusal),
            };
            self.record_identity_use(institution, used).await?;
            return Err(refusal.into());
        }
        let now = self.now();
        self.juki.accept_resident(institution, draft, now).await?;
        self.move_resident_request(&name).await
    }

    /// How a request stands, with its answer where there is one. Counts as one time of asking.
    ///
    /// # Errors
    /// When there is none of this id, or its answer is not kept any more.
    pub async fn follow_identity(
        &self,
        institution: InstitutionCode,
        record_id: &RecordId,
    ) -> Result<(ResidentRequest, Option<ResidentAnswer>), WorldFault> {
        let name = (institution, record_id.clone());
        if let Pace::AfterPolls(_) = self.juki.plan().pace {
            self.juki.count_resident_poll(&name).await?;
        }
        self.move_resident_request(&name).await?;
        self.identity_request(institution, record_id)
    }

    /// How a request stands, with its answer where there is one.
    ///
    /// # Errors
    /// As [`World::follow_identity`].
    pub fn identity_request(
        &self,
        institution: InstitutionCode,
        record_id: &RecordId,
    ) -> Result<(ResidentRequest, Option<ResidentAnswer>), WorldFault> {
        let request = self
            .juki
            .resident_request(&(institution, record_id.clone()))?;
        let answer = self.juki.answer(&request)?;
        Ok((request, answer))
    }

    fn entitled(
        &self,
        institution: InstitutionCode,
        by: &IdentityUser,
        act: IdentityAct,
    ) -> Result<(), Refusal> {
        let profile = self.server(institution)?.profile();
        profile.authorise(&by.unit, &by.user, by.affair)?;
        match (act, by.purpose) {
            (IdentityAct::Notify, _) if profile.has_residents() => Ok(()),
            (IdentityAct::Notify, _) => Err(Refusal::CallerNotEntitled),
            (IdentityAct::LookUp | IdentityAct::LookUpHistory, Some(purpose)) => {
                profile.may_look_up(by.affair, purpose)
            }
            (IdentityAct::LookUp | IdentityAct::LookUpHistory, None) => {
                Err(Refusal::IdentityNotEntitled)
            }
        }
    }

    /// Moves every request as far as it goes now.
    pub(super) async fn move_resident_requests(&self) -> Result<(), WorldFault> {
        for name in self.juki.resident_requests()? {
            self.move_resident_request(&name).await?;
        }
        Ok(())
    }

    async fn move_resident_request(&self, name: &ResidentRequestName) -> Result<(), WorldFault> {
        while self.step_resident_request(name).await? {}
        Ok(())
    }

    /// Moves a request one server on; says whether it may go on from there.
    async fn step_resident_request(&self, name: &ResidentRequestName) -> Result<bool, WorldFault> {
        let answering = self.juki.answering().await;
        let moved = self.juki.step_resident(name, self.now()).await?;
        let moved = match moved {
            MovedResident::Gone | MovedResident::Waits(_) => false,
            MovedResident::Forwarded => true,
            MovedResident::AtNationalServer(asked) => {
                self.answer_identity(name, *asked).await?;
                false
            }
        };
        drop(answering);
        Ok(moved)
    }

    /// Decides at the national server, puts the use on record, and only then ends the request.
    async fn answer_identity(
        &self,
        name: &ResidentRequestName,
        asked: AtNationalServer,
    ) -> Result<(), WorldFault> {
        let (used, ending) = self.decided_use(name, &asked)?;
        let institution = asked.request.institution;
        let recorded = self.record_identity_use(institution, used).await?;
        let ended = self.juki.end_resident(asked, ending, self.now()).await;
        drop(recorded);
        Ok(ended?)
    }

    /// Ends the requests whose use was on record when a crash came: as it says, and without another record.
    pub(super) async fn finish_identity_uses(
        &self,
        uses: &[(Keeper, IdentityUse)],
    ) -> Result<(), WorldFault> {
        for (keeper, recorded) in uses {
            let Keeper::Institution(institution) = keeper else {
                continue;
            };
            let name = (*institution, recorded.record_id.clone());
            let Some(asked) = self.juki.at_national_server(&name)? else {
                continue;
            };
            let (used, ending) = self.decided_use(&name, &asked)?;
            // A refusal of an earlier call under the same id is on record too.
            if used == *recorded {
                self.juki.end_resident(asked, ending, self.now()).await?;
            }
        }
        Ok(())
    }

    /// The use that is put on record, and how the request ends then.
    pub(super) fn decided_use(
        &self,
        name: &ResidentRequestName,
        asked: &AtNationalServer,
    ) -> Result<(IdentityUse, Ending), WorldFault> {
        let (person, decided) = self.decide_identity(asked)?;
        let outcome = match &decided {
            Ok(_) => OperationOutcome::Done,
            Err(why) => OperationOutcome::Refused(why.reason().to_owned()),
        };
        let used = IdentityUse {
            record_id: asked.request.record_id.clone(),
            act: asked.request.act,
            by: asked.request.by.clone(),
            person_digest: person
                .map(|person| self.juki.person_digest(person, asked.request.institution)),
            outcome,
        };
        let ending = match decided {
            Ok((answer, entry)) => Ending {
                end: self.juki.done(name, &answer)?,
                entry,
            },
            Err(why) => Ending {
                end: ResidentRequestEnd::Refused { why },
                entry: None,
            },
        };
        Ok((used, ending))
    }

    fn decide_identity(&self, asked: &AtNationalServer) -> Result<Decided, WorldFault> {
        let by = asked.request.institution;
        let Some(number) = &asked.number else {
            return Ok(match &asked.asked {
                Asked::Notify(told) => self.begin_resident(by, told)?,
                Asked::LookUp | Asked::LookUpHistory => (None, Err(IdentityRefusal::PersonUnknown)),
            });
        };
        let person = match self.holder(number)? {
            Holder::Person(person) => person,
            Holder::Former(person) => {
                return Ok((Some(person), Err(IdentityRefusal::NumberChanged)));
            }
            Holder::Nobody => return Ok((None, Err(IdentityRefusal::PersonUnknown))),
        };
        let mut entries = self.identity_history(person)?;
        let decided = match &asked.asked {
            Asked::LookUpHistory => Ok((entries, None)),
            Asked::LookUp => Ok((entries.split_off(entries.len().saturating_sub(1)), None)),
            Asked::Notify(told) => match entries.last().map(|last| told.change(last, by)) {
                None => Err(IdentityRefusal::PersonUnknown),
                Some(Err(why)) => Err(why),
                Some(Ok(information)) => {
                    let newcomers = None;
                    let entry = NewEntry {
                        person,
                        information,
                        newcomers,
                    };
                    Ok((Vec::new(), Some(entry)))
                }
            },
        };
        let answered = decided.map(|(entries, entry)| {
            let individual_number = None;
            let answer = ResidentAnswer {
                individual_number,
                entries,
            };
            (answer, entry)
        });
        Ok((Some(person), answered))
    }

    /// A person who has no 個人番号 yet gets one.
    fn begin_resident(
        &self,
        by: InstitutionCode,
        told: &Notification,
    ) -> Result<Decided, WorldFault> {
        let information = match told.begin(by) {
            Ok(information) => information,
            Err(why) => return Ok((None, Err(why))),
        };
        let before = self.state.newcomers()?;
        let Some((person, number)) = self.population.newcomer_number(before) else {
            return Ok((None, Err(IdentityRefusal::NoNumberLeft)));
        };
        let entry = NewEntry {
            person,
            information,
            newcomers: Some(before.saturating_add(1)),
        };
        let answer = ResidentAnswer {
            individual_number: Some(number.expose().to_owned().into()),
            entries: Vec::new(),
        };
        Ok((Some(person), Ok((answer, Some(entry)))))
    }

    /// Whose number it is, as the national server knows it.
    pub(super) fn holder(&self, number: &IndividualNumber) -> Result<Holder, StoreFault> {
        let newcomers = self.state.newcomers()?;
        let Some((person, changes)) = self.population.find_with_newcomers(number, newcomers) else {
            return Ok(Holder::Nobody);
        };
        Ok(match changes.cmp(&self.state.number_changes(person)?) {
            Ordering::Less => Holder::Former(person),
            Ordering::Equal => Holder::Person(person),
            Ordering::Greater => Holder::Nobody,
        })
    }

    /// All that the register says of a person, the oldest first; of a sample person first what was there when the world began.
    fn identity_history(&self, person: u32) -> Result<Vec<IdentityInformation>, NetworkFault> {
        let first = self.population.person(person);
        let first = first.and_then(|sample| {
            Some(IdentityInformation {
                items: four_items(&sample),
                municipality: self.home(person)?,
                reason: ChangeReason::Registered,
                changed_on: sample.birth_date.max(FIRST_NUMBERS),
            })
        });
        let mut history: Vec<_> = first.into_iter().collect();
        history.extend(self.juki.registered(person)?);
        Ok(history)
    }

    pub(super) async fn record_identity_use(
        &self,
        institution: InstitutionCode,
        used: IdentityUse,
    ) -> Result<Recorded, WorldFault> {
        let entry = Entry::IdentityInformationUsed(Box::new(used));
        let keeper = Keeper::Institution(institution);
        Ok(self.records.write(keeper, &entry, self.now()).await?)
    }
}

/// 基本4情報 of a sample person.
pub(super) fn four_items(person: &SamplePerson) -> FourItems {
    FourItems {
        name: person.name(),
        address: person.address.clone(),
        birth_date: person.birth_date,
        sex: match person.sex {
            population::Sex::Female => Sex::Female,
            population::Sex::Male => Sex::Male,
        },
    }
}
