//! `chukan replica list`: the files that were taken over.

use std::io::Write as _;

use clap::Args;

use super::super::{client::ClientOptions, fault::CliFault};
use crate::grpc::proto::v1::{
    ListReplicaImportsRequest, ReplicaFileExtent, replica_service_client::ReplicaServiceClient,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    client: ClientOptions,
}

impl List {
    pub(super) async fn run(self) -> Result<(), CliFault> {
        let mut service = ReplicaServiceClient::new(self.client.connect().await?);
        let mut page_token = String::new();
        let mut out = std::io::stdout().lock();
        loop {
            let wanted = ListReplicaImportsRequest {
                page_size: 0,
                page_token,
            };
            let request = self.client.request(wanted)?;
            let page = service.list_replica_imports(request).await?.into_inner();
            for import in &page.imports {
                let extent = match import.extent() {
                    ReplicaFileExtent::Full => "全件",
                    ReplicaFileExtent::Differential => "差分",
                    ReplicaFileExtent::Unspecified => "不明",
                };
                let state = if import.applied == import.changes {
                    "完了".to_owned()
                } else {
                    format!("登録中 {}/{}", import.applied, import.changes)
                };
                writeln!(
                    out,
                    "{:>6}  {} {} {extent}  {state}  新規{} 更新{} 削除{} 除外{}",
                    import.number,
                    import.specific_info,
                    import.layout_version,
                    import.registered,
                    import.replaced,
                    import.deleted,
                    import.left_out
                )?;
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(());
            }
        }
    }
}
