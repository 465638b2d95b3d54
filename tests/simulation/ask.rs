//! Asking, and waiting for what comes of it.

use chukan::{
    domain::{codes::InstitutionCode, condition::Condition, refusal::Refusal},
    institution::{ActFault, AskedDraft, DetailDraft, InquiryDraft, InquiryProgress},
    world::WorldFault,
};

use crate::life::{ASKERS, Asked, Life, PAIRS, PROVIDER};

impl Life {
    pub(crate) async fn ask(
        &mut self,
        by: usize,
        people: &[u32],
        pairs: &[usize],
        how: (bool, bool),
    ) {
        let (old_record_id, wait) = how;
        let by: InstitutionCode = ASKERS[by].parse().unwrap();
        let old = self.asked.iter().rev().find(|asked| asked.by == by);
        let old = old
            .map(|asked| asked.record_ids[0].clone())
            .filter(|_| old_record_id);
        let mut record_ids = Vec::new();
        for _ in people {
            self.record_ids += 1;
            record_ids.push(format!("s-{}", self.record_ids).parse().unwrap());
        }
        if let Some(old) = &old {
            record_ids[0] = old.clone();
        }
        let [affair, procedure, _] = PAIRS[pairs[0]];
        let infos = pairs.iter().map(|pair| AskedDraft {
            provider: PROVIDER.parse().unwrap(),
            provider_delegator: None,
            specific_info: PAIRS[*pair][2].parse().unwrap(),
            items: Vec::new(),
            condition: Condition::None,
        });
        let infos: Vec<_> = infos.collect();
        let details = people
            .iter()
            .zip(&record_ids)
            .map(|(person, record_id)| DetailDraft {
                record_id: record_id.clone(),
                addressee: self.addressee(*person, by),
                nondisclosure: false,
                infos: infos.clone(),
            });
        let draft = InquiryDraft {
            requested_at: self.world().now(),
            unit: "FUKUSHI".parse().unwrap(),
            user: "tester".parse().unwrap(),
            affair: affair.parse().unwrap(),
            procedure: procedure.parse().unwrap(),
            delegator: None,
            sealing_key: None,
            details: details.collect(),
        };
        let accepted = self.world().submit_inquiry(by, draft).await;
        if old.is_some() {
            let refused = accepted.map(|inquiry| inquiry.receipt);
            let is_taken = |fault: &WorldFault| {
                matches!(
                    fault,
                    WorldFault::Act(ActFault::Refused(Refusal::RecordIdExists(_)))
                )
            };
            assert!(
                refused.is_err_and(|fault| is_taken(&fault)),
                "a record id twice"
            );
            return;
        }
        let receipt = match accepted {
            Ok(inquiry) => inquiry.receipt,
            Err(WorldFault::Act(ActFault::Refused(Refusal::UnitNotAuthorised))) => return,
            Err(fault) => panic!("{fault:?}"),
        };
        let last = self.asked.iter().rfind(|asked| asked.by == by);
        assert!(
            last.is_none_or(|last| last.receipt < receipt),
            "receipts go back"
        );
        self.asked.push(Asked {
            by,
            receipt,
            people: people.to_vec(),
            record_ids,
            flags: if wait { self.flags() } else { Vec::new() },
        });
        if wait {
            self.settled(self.asked.len() - 1).await;
        }
    }

    /// Waits until nothing of an inquiry moves by itself any more.
    pub(crate) async fn settled(&self, n: usize) {
        let asked = &self.asked[n];
        let server = self.world().server(asked.by).unwrap();
        loop {
            let changes = server.changes(asked.receipt);
            let view = server.fetch_result(asked.receipt).unwrap();
            if view.progress() != InquiryProgress::InProgress {
                return;
            }
            let Some(mut changes) = changes else {
                continue;
            };
            let changed =
                tokio::time::timeout(std::time::Duration::from_secs(10), changes.changed());
            drop(changed.await.expect("an exchange neither ends nor waits"));
        }
    }
}
