//! A held request, as the provider's staff and the inquirer work with it.

use chukan::grpc::proto::v1::{
    self, ApproveProvisionRequest, CheckProvisionRequest, CompareProvisionRecordsRequest,
    GetInquiryRequest, Inquiry, OpenProvisionRequest, ProviderRefusal, ProvisionDetail,
    ProvisionProposal, ProvisionState, RefusalReason, RefuseProvisionRequest, StaffMember,
    compare_provision_records_request::Scope, inquiry_service_client::InquiryServiceClient,
    provision_record_service_client::ProvisionRecordServiceClient,
    provision_service_client::ProvisionServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    net::{self, CITY, Net, WARD, codes, serial_of, tax_inquiry},
    told::told,
};

pub(crate) const CLERK: (&str, &str) = ("clerk", "P1");
pub(crate) const SUPERIOR: (&str, &str) = ("superior", "P2");

pub(crate) fn staff((user_id, person_id): (&str, &str)) -> Option<StaffMember> {
    Some(StaffMember {
        user_id: user_id.into(),
        person_id: person_id.into(),
    })
}

/// A held request, as the provider's staff and the inquirer work with it.
pub(crate) struct Held {
    pub(crate) serial: String,
    pub(crate) receipt: String,
    pub(crate) provider: ProvisionServiceClient<Channel>,
    pub(crate) inquirer: InquiryServiceClient<Channel>,
}

impl Held {
    /// An inquiry about the person whose flag holds everything.
    pub(crate) async fn new(net: &Net, record_id: &str) -> Self {
        let mut inquirer = net.inquiries(CITY).await;
        let inquiry = net::ask(&mut inquirer, tax_inquiry(record_id, 7)).await;
        assert_eq!(codes(&inquiry), ["13"]);
        Self {
            serial: serial_of(&inquiry),
            receipt: inquiry.receipt_number,
            provider: ProvisionServiceClient::new(net.channel(WARD).await),
            inquirer,
        }
    }

    pub(crate) async fn again(&mut self, net: &Net) {
        self.provider = ProvisionServiceClient::new(net.channel(WARD).await);
        self.inquirer = net.inquiries(CITY).await;
    }

    pub(crate) async fn open(&mut self, who: (&str, &str)) -> ProvisionDetail {
        let request = OpenProvisionRequest {
            processing_serial: self.serial.clone(),
            staff: staff(who),
        };
        let opened = self.provider.open_provision(request).await.unwrap();
        opened.into_inner().detail.unwrap()
    }

    pub(crate) async fn check(
        &mut self,
        (who, seen): ((&str, &str), &ProvisionDetail),
        (proposal, refusal): (ProvisionProposal, Option<ProviderRefusal>),
    ) -> Result<v1::Provision, Status> {
        let request = CheckProvisionRequest {
            processing_serial: self.serial.clone(),
            version: version(seen),
            staff: staff(who),
            content_digest: seen.content_digest.clone(),
            proposal: proposal.into(),
            refusal,
        };
        let checked = self.provider.check_provision(request).await?;
        Ok(checked.into_inner().provision.unwrap())
    }

    pub(crate) async fn checked(&mut self) -> ProvisionDetail {
        let seen = self.open(CLERK).await;
        let checked = self.check((CLERK, &seen), (ProvisionProposal::Provide, None));
        assert_eq!(checked.await.unwrap().state(), ProvisionState::Checked);
        self.open(SUPERIOR).await
    }

    pub(crate) async fn approve(
        &mut self,
        who: (&str, &str),
        seen: &ProvisionDetail,
    ) -> Result<v1::Provision, Status> {
        let request = ApproveProvisionRequest {
            processing_serial: self.serial.clone(),
            version: version(seen),
            staff: staff(who),
        };
        let approved = self.provider.approve_provision(request).await?;
        Ok(approved.into_inner().provision.unwrap())
    }

    pub(crate) async fn refuse(
        &mut self,
        who: (&str, &str),
        seen: &ProvisionDetail,
    ) -> Result<v1::Provision, Status> {
        let request = RefuseProvisionRequest {
            processing_serial: self.serial.clone(),
            version: version(seen),
            staff: staff(who),
            refusal: Some(not_appropriate()),
        };
        let refused = self.provider.refuse_provision(request).await?;
        Ok(refused.into_inner().provision.unwrap())
    }

    pub(crate) async fn inquiry(&mut self) -> Inquiry {
        let receipt_number = self.receipt.clone();
        let got = self
            .inquirer
            .get_inquiry(GetInquiryRequest { receipt_number })
            .await;
        got.unwrap().into_inner().inquiry.unwrap()
    }

    pub(crate) async fn code(&mut self) -> String {
        codes(&self.inquiry().await).remove(0)
    }
}

pub(crate) fn version(seen: &ProvisionDetail) -> String {
    seen.queued.as_ref().unwrap().version.clone()
}

pub(crate) fn not_appropriate() -> ProviderRefusal {
    ProviderRefusal {
        reason: RefusalReason::NotAppropriate.into(),
        note: "担当課へお問い合わせください。".into(),
    }
}

pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let told = told(&result.unwrap_err());
    (told.code, told.reason)
}

pub(crate) fn refusal(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// The three records of the exchange agree and say this.
pub(crate) async fn agreed(net: &Net, serial: &str, code: &str) {
    let mut records = ProvisionRecordServiceClient::new(net.channel(CITY).await);
    let request = CompareProvisionRecordsRequest {
        scope: Some(Scope::ProcessingSerial(serial.to_owned())),
        ..Default::default()
    };
    let compared = records.compare_provision_records(request).await.unwrap();
    let compared = compared.into_inner().comparisons.remove(0);
    assert!(compared.agree, "{:?}", compared.disagreements);
    for record in [compared.inquirer, compared.core, compared.provider] {
        assert_eq!(record.unwrap().result.unwrap().status_code, code);
    }
}

/// How often the operation record of the provider names this step for the exchange, read from the ledger's files.
pub(crate) fn steps(net: &Net, serial: &str, step: &str) -> usize {
    let mut found = 0;
    for file in std::fs::read_dir(net.ledger().join("segments")).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let begin = format!("{{\"kind\":\"provision_step\",\"serial\":\"{serial}\"");
        let entries = text.match_indices(&begin);
        found += entries
            .filter(|(at, _)| text[*at..].starts_with(&format!("{begin},\"step\":\"{step}\"")))
            .count();
    }
    found
}

pub(crate) async fn stopped(net: Net) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
