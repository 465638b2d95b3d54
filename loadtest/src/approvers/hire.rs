//! Real accounts for the synthetic staff: those for training first, new ones when they are not enough.

use chukan::{
    grpc::proto::v1::{
        Account, ChangePasswordRequest, CreateAccountRequest, SignInRequest, StaffRole,
        staff_service_client::StaffServiceClient,
    },
    sample::staff::TRAINING_PASSWORD,
};
use tonic::{metadata::AsciiMetadataValue, transport::Channel};

use super::{Post, Staffing, within};
use crate::Fault;

/// Of the accounts for training.
const CLERKS: [&str; 2] = ["clerk1", "clerk2"];
const APPROVERS: [&str; 1] = ["approver"];
const ADMINISTRATOR: &str = "admin1";

/// The passwords of accounts in a world that lasts as long as the run, and whose people are synthetic.
const FIRST_PASSWORD: &str = "Hajimete-no-4417";
const OWN_PASSWORD: &str = "Kaeta-ato-no-8852";

/// Signs everybody in; each is another person, so that four eyes see every request.
pub(super) async fn staff(
    channel: &Channel,
    staffing: Staffing,
) -> Result<Vec<(Post, AsciiMetadataValue)>, Fault> {
    let mut client = StaffServiceClient::new(channel.clone());
    let mut administrator = None;
    let mut hired = Vec::new();
    let posts = [
        (Post::Clerk, staffing.clerks, &CLERKS[..], StaffRole::Clerk),
        (
            Post::Approver,
            staffing.approvers,
            &APPROVERS[..],
            StaffRole::Approver,
        ),
    ];
    for (post, people, training, role) in posts {
        for number in 0..people {
            let known = training.get(usize::try_from(number)?);
            let session = match known {
                Some(name) => sign_in(&mut client, name, TRAINING_PASSWORD).await?,
                None => {
                    if administrator.is_none() {
                        let session =
                            sign_in(&mut client, ADMINISTRATOR, TRAINING_PASSWORD).await?;
                        administrator = Some(session);
                    }
                    let administrator = administrator.as_ref().ok_or("no administrator")?;
                    hire(&mut client, administrator, (role, number)).await?
                }
            };
            hired.push((post, session));
        }
    }
    Ok(hired)
}

async fn sign_in(
    client: &mut StaffServiceClient<Channel>,
    account: &str,
    password: &str,
) -> Result<AsciiMetadataValue, Fault> {
    let request = SignInRequest {
        account: account.into(),
        password: password.into(),
    };
    let signed_in = client.sign_in(request).await;
    let signed_in =
        signed_in.map_err(|status| format!("{account} cannot sign in: {:?}", status.code()))?;
    Ok(signed_in.into_inner().session.parse()?)
}

/// A new account, signed in with a password of its own.
async fn hire(
    client: &mut StaffServiceClient<Channel>,
    administrator: &AsciiMetadataValue,
    (role, number): (StaffRole, u32),
) -> Result<AsciiMetadataValue, Fault> {
    let letter = if role == StaffRole::Clerk { "C" } else { "A" };
    let name = format!("load-{letter}{number}");
    let request = CreateAccountRequest {
        account: Some(Account {
            name: name.clone(),
            staff_number: format!("L{letter}{number:03}"),
            display_name: "負荷 試験".into(),
            roles: vec![role.into()],
            ..Default::default()
        }),
        new_password: FIRST_PASSWORD.into(),
    };
    client
        .create_account(within(administrator, request))
        .await?;
    let session = sign_in(client, &name, FIRST_PASSWORD).await?;
    let request = ChangePasswordRequest {
        present_password: FIRST_PASSWORD.into(),
        new_password: OWN_PASSWORD.into(),
    };
    client.change_password(within(&session, request)).await?;
    Ok(session)
}
