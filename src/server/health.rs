//! Whether the services can be used: for gRPC health checks and for `/healthz`.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tonic_health::{ServingStatus, server::HealthReporter};

/// Says whether the services can be used. Clones speak of the same server.
#[derive(Debug, Clone)]
pub struct HealthHandle {
    reporter: HealthReporter,
    services: Arc<[String]>,
    serving: Arc<AtomicBool>,
    conditions: Arc<Mutex<Vec<String>>>,
}

impl HealthHandle {
    pub(super) fn new(reporter: HealthReporter, services: Vec<String>) -> Self {
        Self {
            reporter,
            services: services.into(),
            serving: Arc::default(),
            conditions: Arc::default(),
        }
    }

    /// Every service and the server as a whole can be used.
    pub async fn set_serving(&self) {
        self.set_all(true).await;
    }

    /// No service can be used, for instance because records cannot be written.
    pub async fn set_not_serving(&self) {
        self.set_all(false).await;
    }

    /// Sets one service, by its full name such as `chukan.v1.InquiryService`; the server as a whole stays as it is.
    pub async fn set_service(&self, name: &str, serving: bool) {
        self.reporter
            .set_service_status(name, status(serving))
            .await;
    }

    /// Whether the server as a whole can be used.
    pub fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    /// What is not as it should be, a line each: the world and the condition.
    pub fn set_conditions(&self, lines: Vec<String>) {
        *self.lines() = lines;
    }

    /// What `/healthz` answers beside its status.
    pub(super) fn text(&self) -> String {
        let word = if self.is_serving() {
            "SERVING"
        } else {
            "NOT_SERVING"
        };
        let lines = self.lines();
        let lines = std::iter::once(word).chain(lines.iter().map(String::as_str));
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.conditions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn set_all(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
        for name in self.services.iter().map(String::as_str).chain([""]) {
            self.set_service(name, serving).await;
        }
    }
}

fn status(serving: bool) -> ServingStatus {
    if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
