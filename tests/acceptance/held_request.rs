//! A held request, as the provider's staff and the inquirer work with it.

use chukan::{
    grpc::{
        caller::SESSION_KEY,
        proto::v1::{
            self, Account, ApproveProvisionRequest, ChangePasswordRequest, CheckProvisionRequest,
            CompareProvisionRecordsRequest, CreateAccountRequest, GetInquiryRequest, Inquiry,
            ListOperationsRequest, OpenProvisionRequest, ProviderRefusal, ProvisionDetail,
            ProvisionProposal, ProvisionState, RefusalReason, RefuseProvisionRequest,
            SignInRequest, StaffRole, compare_provision_records_request::Scope,
            inquiry_service_client::InquiryServiceClient,
            provision_record_service_client::ProvisionRecordServiceClient,
            provision_service_client::ProvisionServiceClient,
            staff_service_client::StaffServiceClient,
        },
    },
    sample::staff::TRAINING_PASSWORD,
};
use tonic::{Code, Request, Status, transport::Channel};

use crate::{
    net::{self, CITY, Net, WARD, codes, serial_of, tax_inquiry},
    told::told,
};

/// Accounts for training: a clerk, a superior, an administrator and an auditor.
pub(crate) const CLERK: &str = "clerk1";
pub(crate) const SUPERIOR: &str = "approver";
const ADMINISTRATOR: &str = "admin1";
const AUDITOR: &str = "auditor";

/// A message with the session of the member of the staff who sends it.
pub(crate) fn within<T>(session: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let session = session.parse().unwrap();
    request.metadata_mut().insert(SESSION_KEY, session);
    request
}

async fn sign_in(net: &Net, account: &str, password: &str) -> String {
    let mut client = StaffServiceClient::new(net.channel(WARD).await);
    let request = SignInRequest {
        account: account.into(),
        password: password.into(),
    };
    client.sign_in(request).await.unwrap().into_inner().session
}

/// The session of a training account of the provider.
pub(crate) async fn session(net: &Net, account: &str) -> String {
    sign_in(net, account, TRAINING_PASSWORD).await
}

/// The session of a new account of the provider that may check and approve.
pub(crate) async fn hire(net: &Net, name: &str, staff_number: &str) -> String {
    let administrator = session(net, ADMINISTRATOR).await;
    let mut client = StaffServiceClient::new(net.channel(WARD).await);
    let (first, own) = ("Hatsukaimei-7731", "Betsunomono-9152");
    let request = CreateAccountRequest {
        account: Some(Account {
            name: name.into(),
            staff_number: staff_number.into(),
            display_name: "架空 次郎".into(),
            roles: vec![StaffRole::Clerk.into(), StaffRole::Approver.into()],
            ..Default::default()
        }),
        new_password: first.into(),
    };
    let created = client.create_account(within(&administrator, request)).await;
    created.unwrap();
    let session = sign_in(net, name, first).await;
    let request = ChangePasswordRequest {
        present_password: first.into(),
        new_password: own.into(),
    };
    let changed = client.change_password(within(&session, request)).await;
    changed.unwrap();
    session
}

/// What the operation record of the provider says about the exchange: who did what, the newest first, with the reason
/// of what was refused.
pub(crate) async fn operations(net: &Net, serial: &str) -> Vec<(String, String, String)> {
    let auditor = session(net, AUDITOR).await;
    let mut client = StaffServiceClient::new(net.channel(WARD).await);
    let request = within(&auditor, ListOperationsRequest::default());
    let listed = client.list_operations(request).await.unwrap();
    let operations = listed.into_inner().operations.into_iter();
    operations
        .filter(|operation| operation.on == serial)
        .map(|operation| {
            (
                operation.account,
                operation.operation,
                operation.refused_for,
            )
        })
        .collect()
}

/// How often something was done with the exchange and not refused.
pub(crate) async fn done(net: &Net, serial: &str, what: &str) -> usize {
    let operations = operations(net, serial).await;
    let done = operations
        .iter()
        .filter(|(_, operation, refused)| operation == what && refused.is_empty());
    done.count()
}

/// A held request, as the provider's staff and the inquirer work with it.
pub(crate) struct Held {
    pub(crate) serial: String,
    /// The sessions of a clerk and of a superior.
    pub(crate) clerk: String,
    pub(crate) superior: String,
    pub(crate) receipt: String,
    pub(crate) provider: ProvisionServiceClient<Channel>,
    pub(crate) inquirer: InquiryServiceClient<Channel>,
}

impl Held {
    /// An inquiry about the person whose flag holds everything.
    pub(crate) async fn new(net: &Net, record_id: &str) -> Self {
        let mut inquirer = net.inquiries(CITY).await;
        let inquiry = net::ask(&mut inquirer, tax_inquiry(record_id, 7)).await;
        Self::of(net, inquiry).await
    }

    /// An inquiry that waits at the provider.
    pub(crate) async fn of(net: &Net, inquiry: Inquiry) -> Self {
        assert_eq!(codes(&inquiry), ["13"]);
        Self {
            serial: serial_of(&inquiry),
            clerk: session(net, CLERK).await,
            superior: session(net, SUPERIOR).await,
            receipt: inquiry.receipt_number,
            provider: ProvisionServiceClient::new(net.channel(WARD).await),
            inquirer: net.inquiries(CITY).await,
        }
    }

    pub(crate) async fn again(&mut self, net: &Net) {
        self.clerk = session(net, CLERK).await;
        self.superior = session(net, SUPERIOR).await;
        self.provider = ProvisionServiceClient::new(net.channel(WARD).await);
        self.inquirer = net.inquiries(CITY).await;
    }

    pub(crate) async fn open(&mut self, who: &str) -> ProvisionDetail {
        let request = OpenProvisionRequest {
            processing_serial: self.serial.clone(),
        };
        let opened = self
            .provider
            .open_provision(within(who, request))
            .await
            .unwrap();
        opened.into_inner().detail.unwrap()
    }

    pub(crate) async fn check(
        &mut self,
        (who, seen): (&str, &ProvisionDetail),
        (proposal, refusal): (ProvisionProposal, Option<ProviderRefusal>),
    ) -> Result<v1::Provision, Status> {
        let request = CheckProvisionRequest {
            processing_serial: self.serial.clone(),
            version: version(seen),
            content_digest: seen.content_digest.clone(),
            proposal: proposal.into(),
            refusal,
        };
        let checked = self.provider.check_provision(within(who, request)).await?;
        Ok(checked.into_inner().provision.unwrap())
    }

    pub(crate) async fn checked(&mut self) -> ProvisionDetail {
        let (clerk, superior) = (self.clerk.clone(), self.superior.clone());
        let seen = self.open(&clerk).await;
        let checked = self.check((&clerk, &seen), (ProvisionProposal::Provide, None));
        assert_eq!(checked.await.unwrap().state(), ProvisionState::Checked);
        self.open(&superior).await
    }

    pub(crate) async fn approve(
        &mut self,
        who: &str,
        seen: &ProvisionDetail,
    ) -> Result<v1::Provision, Status> {
        let request = ApproveProvisionRequest {
            processing_serial: self.serial.clone(),
            version: version(seen),
        };
        let approved = self
            .provider
            .approve_provision(within(who, request))
            .await?;
        Ok(approved.into_inner().provision.unwrap())
    }

    pub(crate) async fn refuse(
        &mut self,
        who: &str,
        seen: &ProvisionDetail,
    ) -> Result<v1::Provision, Status> {
        let request = RefuseProvisionRequest {
            processing_serial: self.serial.clone(),
            version: version(seen),
            refusal: Some(not_appropriate()),
        };
        let refused = self.provider.refuse_provision(within(who, request)).await?;
        Ok(refused.into_inner().provision.unwrap())
    }

    pub(crate) async fn inquiry(&mut self) -> Inquiry {
        let receipt_number = self.receipt.clone();
        let got = self
            .inquirer
            .get_inquiry(GetInquiryRequest {
                receipt_number,
                ..Default::default()
            })
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

pub(crate) async fn stopped(net: Net) {
    tokio::task::spawn_blocking(|| net.stop()).await.unwrap();
}
