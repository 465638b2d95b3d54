//! SYM, システム管理: statistics, service hours, notices.

use std::pin::Pin;

use jiff::{Timestamp, civil::Date};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{
    caller::Surface,
    fields::{Fields, clock_times, timestamp},
    messages::result,
    proto::v1::{self, system_service_server::SystemService},
    provision_record::side,
    status::ToStatus,
};
use crate::{
    domain::{
        deletion::{Deleted, PlacedDeletion},
        jst::start_of_day,
        network_plan::OperationNotice,
    },
    institution::Counted,
};

/// The most rows in one message.
const ROWS_MAX: usize = 1_000;

/// The service of the family SYM.
pub struct Systems(pub Surface);

#[tonic::async_trait]
impl SystemService for Systems {
    type GetStatisticsStream =
        Pin<Box<dyn Stream<Item = Result<v1::GetStatisticsResponse, Status>> + Send>>;

    async fn get_statistics(
        &self,
        request: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<Self::GetStatisticsStream>, Status> {
        let entered = self.0.enter(&request)?;
        let message = request.into_inner();
        let mut fields = Fields::default();
        let (from, to) = fields.days(&message.from, &message.to);
        fields.finish(Some(()))?;
        let wanted =
            move |day: Date| from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to);
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        tokio::task::spawn_blocking(move || {
            let counts = entered
                .server()
                .and_then(|server| server.count_records(wanted).to_status());
            // Where nothing can be sent the caller has gone, and nobody else wants to know.
            match counts {
                Err(status) => drop(sender.blocking_send(Err(status))),
                Ok(counts) => {
                    let rows: Vec<_> = counts.into_iter().map(row).collect();
                    for rows in rows.chunks(ROWS_MAX) {
                        let rows = rows.to_vec();
                        let sent = sender.blocking_send(Ok(v1::GetStatisticsResponse { rows }));
                        if sent.is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_service_hours(
        &self,
        request: Request<v1::GetServiceHoursRequest>,
    ) -> Result<Response<v1::GetServiceHoursResponse>, Status> {
        let world = self.0.enter(&request)?.world;
        let plan = world.network();
        let encode = |hours| {
            let (from, until) = clock_times(hours);
            v1::ServiceHours { from, until }
        };
        let institutions = plan.providers.iter().filter_map(|(institution, of_it)| {
            Some(v1::InstitutionServiceHours {
                institution: institution.to_string(),
                hours: Some(encode(of_it.hours?)),
            })
        });
        Ok(Response::new(v1::GetServiceHoursResponse {
            network_open: plan.is_open(world.now()),
            network: plan.hours.map(encode),
            institutions: institutions.collect(),
        }))
    }

    async fn list_operation_notices(
        &self,
        request: Request<v1::ListOperationNoticesRequest>,
    ) -> Result<Response<v1::ListOperationNoticesResponse>, Status> {
        let world = self.0.enter(&request)?.world;
        let (past_too, now) = (request.get_ref().past_too, world.now());
        let notices = world.operation_notices().into_iter();
        let wanted = notices.filter(|notice| past_too || !notice.is_past(now));
        Ok(Response::new(v1::ListOperationNoticesResponse {
            notices: wanted.map(encode_notice).collect(),
        }))
    }

    async fn list_deletions(
        &self,
        request: Request<v1::ListDeletionsRequest>,
    ) -> Result<Response<v1::ListDeletionsResponse>, Status> {
        let entered = self.0.enter(&request)?;
        let mut fields = Fields::default();
        let from = fields.day("from", &request.get_ref().from);
        fields.finish(Some(()))?;
        let from = from.map_or(Timestamp::MIN, start_of_day);
        let reading = tokio::task::spawn_blocking(move || {
            let server = entered.server()?;
            server.deletions(from).to_status()
        });
        let stopped = |_| Status::internal("the records could not be read");
        let (deletions, complete) = reading.await.map_err(stopped)??;
        Ok(Response::new(v1::ListDeletionsResponse {
            deletions: deletions.into_iter().map(encode_deletion).collect(),
            complete,
        }))
    }
}

fn encode_deletion(deletion: PlacedDeletion) -> v1::Deletion {
    let kind = match deletion.what {
        Deleted::Results => v1::DeletedKind::Results,
        Deleted::BatchFiles => v1::DeletedKind::BatchFiles,
        Deleted::Downloads => v1::DeletedKind::Downloads,
        Deleted::AcquisitionSerials => v1::DeletedKind::AcquisitionSerials,
    };
    v1::Deletion {
        deleted_at: Some(timestamp(deletion.at)),
        kind: kind.into(),
        count: i64::try_from(deletion.count).unwrap_or(i64::MAX),
        ended_before: Some(timestamp(deletion.ended_before)),
    }
}

pub(super) fn encode_notice(notice: OperationNotice) -> v1::OperationNotice {
    v1::OperationNotice {
        number: notice.number,
        posted_at: Some(timestamp(notice.posted_at)),
        from: Some(timestamp(notice.from)),
        until: notice.until.map(timestamp),
        text: notice.text.into(),
    }
}

fn row((counted, exchanges): (Counted, u64)) -> v1::StatisticsRow {
    v1::StatisticsRow {
        day: counted.day.to_string(),
        side: side(counted.side).into(),
        inquirer: counted.inquirer.to_string(),
        provider: counted.provider.to_string(),
        procedure: counted.procedure.to_string(),
        specific_info: counted.specific_info.to_string(),
        result: Some(result(counted.result)),
        exchanges: i64::try_from(exchanges).unwrap_or(i64::MAX),
    }
}
