//! The periods of an exchange.

use serde::{Deserialize, Serialize};

use super::flaw::Range;

/// The periods of an exchange, measured by the world's clock. All of them are ours; the real ones are not public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InquiryConfig {
    /// How long a result can be acquired, in days. Default: 7.
    pub result_retention_days: u32,
    /// How long a permit is valid, in seconds. Default: 300.
    pub permit_seconds: u32,
    /// Oldest copy of the permission list that an institution still uses, in days. Default: 7.
    pub permission_list_days: u32,
    /// How long an acquisition serial is valid, in hours. Default: 24.
    pub acquisition_serial_hours: u32,
    /// Inquiries of one institution that may wait for their exchanges to begin; one more is answered
    /// RESOURCE_EXHAUSTED. Default: 5,000.
    pub inquiries_each_max: usize,
    /// The biggest result that comes in a message, in bytes; a bigger one is handed out as a download. Default: 1,048,576.
    pub message_bytes_max: u64,
    /// How long a download can be fetched, in hours. Default: 24.
    pub download_hours: u32,
    /// Answers that a provider seals in one HPKE context to the same key; with 1 every answer is sealed by itself.
    /// Default: 10,000.
    pub sealing_answers_max: u32,
    /// How long a provider uses one HPKE context, in minutes. Default: 60.
    pub sealing_minutes: u32,
}

impl Default for InquiryConfig {
    fn default() -> Self {
        Self {
            result_retention_days: 7,
            permit_seconds: 300,
            permission_list_days: 7,
            acquisition_serial_hours: 24,
            inquiries_each_max: 5_000,
            message_bytes_max: 1024 * 1024,
            download_hours: 24,
            sealing_answers_max: 10_000,
            sealing_minutes: 60,
        }
    }
}

impl InquiryConfig {
    pub(super) fn ranges(&self) -> Vec<Range> {
        vec![
            Range::new(
                "inquiry.result_retention_days",
                self.result_retention_days.into(),
                1,
                3660,
            ),
            Range::new(
                "inquiry.permit_seconds",
                self.permit_seconds.into(),
                1,
                86_400,
            ),
            Range::new(
                "inquiry.permission_list_days",
                self.permission_list_days.into(),
                1,
                3660,
            ),
            Range::new(
                "inquiry.acquisition_serial_hours",
                self.acquisition_serial_hours.into(),
                1,
                8784,
            ),
            Range::new(
                "inquiry.inquiries_each_max",
                u64::try_from(self.inquiries_each_max).unwrap_or(u64::MAX),
                1,
                20_000,
            ),
            Range::new(
                "inquiry.message_bytes_max",
                self.message_bytes_max,
                1,
                3 * 1024 * 1024,
            ),
            Range::new(
                "inquiry.download_hours",
                self.download_hours.into(),
                1,
                8784,
            ),
            Range::new(
                "inquiry.sealing_answers_max",
                self.sealing_answers_max.into(),
                1,
                1_000_000,
            ),
            Range::new(
                "inquiry.sealing_minutes",
                self.sealing_minutes.into(),
                1,
                1440,
            ),
        ]
    }
}
