//! `chukan symbols status`: how the acquisitions of an institution's people stand.

use std::io::Write as _;

use clap::{Args, Subcommand};

use super::{client::ClientOptions, fault::CliFault, start::on_runtime};
use crate::grpc::proto::v1::{GetAcquisitionRequest, symbol_service_client::SymbolServiceClient};

#[derive(Debug, Subcommand)]
pub(super) enum SymbolsCommand {
    /// 符号取得の状況を表示する
    Status(Status),
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    client: ClientOptions,
    /// 団体内統合宛名番号（複数可）
    #[arg(required = true)]
    addressee_numbers: Vec<String>,
}

impl SymbolsCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let Self::Status(status) = self;
        on_runtime(status.run())
    }
}

impl Status {
    async fn run(self) -> Result<(), CliFault> {
        let mut service = SymbolServiceClient::new(self.client.connect().await?);
        let mut out = std::io::stdout().lock();
        for addressee_number in self.addressee_numbers {
            let wanted = GetAcquisitionRequest {
                addressee_number: addressee_number.clone(),
            };
            let stands = service
                .get_acquisition(self.client.request(wanted)?)
                .await?;
            writeln!(out, "{addressee_number}  {}", stands.into_inner().message)?;
        }
        Ok(())
    }
}
