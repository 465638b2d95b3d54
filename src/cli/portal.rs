//! `chukan portal records|data|notices|read`: what a sample person sees at the portal, with the portal's certificate.

use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use tonic::{Request, transport::Channel};

use super::{client::ServerOptions, fault::CliFault, start::on_runtime};
use crate::{
    crypto::identity::Identity,
    domain::jst::jst_datetime,
    grpc::proto::v1::{
        self, ListOwnNoticesRequest, ListOwnRecordsRequest, MarkNoticeReadRequest, OwnNotice,
        OwnRecord, RequestOwnDataRequest, item::Content,
        portal_service_client::PortalServiceClient,
    },
};

#[derive(Debug, Args)]
pub(super) struct PortalCommand {
    #[command(flatten)]
    server: ServerOptions,
    /// ポータル利用者トークン（`chukan people show` で表示されます）
    token: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 本人についての情報提供等記録を表示する（不開示の記録は表示されません）
    Records,
    /// 機関が保有する自己情報を表示する
    Data {
        /// 機関コード（16桁）
        institution: String,
        /// 特定個人情報名コード
        specific_info: String,
    },
    /// お知らせを表示する
    Notices,
    /// お知らせを既読にする
    Read {
        /// 送信した機関の機関コード（16桁）
        institution: String,
        /// お知らせの番号
        number: u64,
    },
}

struct Portal {
    service: PortalServiceClient<Channel>,
    server: ServerOptions,
    token: String,
}

impl PortalCommand {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(async {
            let channel = self.server.connect_as(&Identity::Portal).await?;
            let mut portal = Portal {
                service: PortalServiceClient::new(channel),
                server: self.server,
                token: self.token,
            };
            match self.what {
                What::Records => portal.records().await,
                What::Data {
                    institution,
                    specific_info,
                } => portal.data(institution, specific_info).await,
                What::Notices => portal.notices().await,
                What::Read {
                    institution,
                    number,
                } => portal.read(institution, number).await,
            }
        })
    }
}

impl Portal {
    fn request<T>(&self, message: T) -> Result<Request<T>, CliFault> {
        self.server.request(message)
    }

    async fn records(&mut self) -> Result<(), CliFault> {
        let (mut page_token, mut none) = (String::new(), true);
        loop {
            let request = self.request(ListOwnRecordsRequest {
                portal_token: self.token.clone(),
                page_token,
                ..ListOwnRecordsRequest::default()
            })?;
            let page = self.service.list_own_records(request).await?.into_inner();
            for record in &page.records {
                none = false;
                write_record(record)?;
            }
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
        if none {
            writeln!(io::stdout(), "表示できる情報提供等記録はありません。")?;
        }
        Ok(())
    }

    async fn data(&mut self, institution: String, specific_info: String) -> Result<(), CliFault> {
        let request = self.request(RequestOwnDataRequest {
            portal_token: self.token.clone(),
            institution,
            specific_info,
            ..RequestOwnDataRequest::default()
        })?;
        let answered = self.service.request_own_data(request).await?.into_inner();
        let result = answered.result.unwrap_or_default();
        let mut out = io::stdout();
        writeln!(out, "{} {}", result.status_code, result.message)?;
        for record in answered.answer.unwrap_or_default().records {
            writeln!(out, "{}  {}", record.record_key, record.layout_version)?;
            record.content.iter().try_for_each(write_data_set)?;
        }
        Ok(())
    }

    async fn notices(&mut self) -> Result<(), CliFault> {
        let (mut page_token, mut none) = (String::new(), true);
        loop {
            let request = self.request(ListOwnNoticesRequest {
                portal_token: self.token.clone(),
                page_size: 0,
                page_token,
            })?;
            let page = self.service.list_own_notices(request).await?.into_inner();
            for notice in &page.notices {
                none = false;
                write_notice(notice)?;
            }
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
        if none {
            writeln!(io::stdout(), "お知らせはありません。")?;
        }
        Ok(())
    }

    async fn read(&mut self, institution: String, number: u64) -> Result<(), CliFault> {
        let request = self.request(MarkNoticeReadRequest {
            portal_token: self.token.clone(),
            institution,
            number,
        })?;
        let marked = self.service.mark_notice_read(request).await?.into_inner();
        write_notice(&marked.notice.unwrap_or_default())
    }
}

fn write_record(record: &OwnRecord) -> Result<(), CliFault> {
    let result = record.result.clone().unwrap_or_default();
    Ok(writeln!(
        io::stdout(),
        "{}  {}（{}）→ {}（{}）  {} {}  {}  {} {}",
        japanese_time(record.requested_at),
        record.inquirer_name,
        record.inquirer,
        record.provider_name,
        record.provider,
        record.affair,
        record.procedure,
        record.specific_info,
        result.status_code,
        result.message,
    )?)
}

fn write_data_set(set: &v1::DataSetRecord) -> Result<(), CliFault> {
    let mut out = io::stdout();
    for item in &set.items {
        let value = match &item.content {
            Some(Content::Value(value)) => value.as_str(),
            Some(Content::Missing(_)) | None => "（値なし）",
        };
        writeln!(out, "    {} {}  {value}", set.data_set_code, item.item_code)?;
    }
    set.children.iter().try_for_each(write_data_set)
}

fn write_notice(notice: &OwnNotice) -> Result<(), CliFault> {
    let read = if notice.read_at.is_some() {
        "既読"
    } else {
        "未読"
    };
    Ok(writeln!(
        io::stdout(),
        "{}  {}（{}）{}番  {read}  {}\n{}",
        japanese_time(notice.sent_at),
        notice.institution_name,
        notice.institution,
        notice.number,
        notice.title,
        notice.body,
    )?)
}

fn japanese_time(at: Option<prost_types::Timestamp>) -> String {
    let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    at.map(|at| jst_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}
