//! A synthetic person's resident tax: amounts that agree with each other, though not with the law's detail.

/// Income up to which nothing is taxed, in yen (ours, near the usual limit for a single person).
const EXEMPT_YEN_MAX: u64 = 450_000;

/// Income up to which only the flat rate is taxed; above it, what exceeds it is taxed (ours).
const FLAT_ONLY_YEN_MAX: u64 = 1_000_000;

/// One year's income and the tax on it, in yen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tax {
    income_yen: u64,
}

impl Tax {
    pub(super) fn on(income_yen: u64) -> Self {
        Self { income_yen }
    }

    /// The name of the tax class (課税区分).
    pub(super) fn class(self) -> &'static str {
        if self.income_yen <= EXEMPT_YEN_MAX {
            "非課税"
        } else if self.income_yen <= FLAT_ONLY_YEN_MAX {
            "均等割のみ課税"
        } else {
            "課税"
        }
    }

    /// The amount that an item of this name holds; none when the name is of something else.
    ///
    /// Rates: 6 % to the municipality, 4 % to the prefecture. Source: 地方税法 §314-3, §35. Flat rates of 3,000 and
    /// 1,000 yen. Source: 地方税法 §310, §38. 1,000 yen of forest tax. The rates of designated cities are left out.
    pub(super) fn amount_yen(self, item_name: &str) -> Option<u64> {
        let flat = |yen| match self.income_yen > EXEMPT_YEN_MAX {
            true => yen,
            false => 0,
        };
        let rate = |percent| {
            let taxed = self.income_yen.saturating_sub(FLAT_ONLY_YEN_MAX);
            taxed * percent / 100 / 100 * 100
        };
        match item_name {
            "合計所得金額" | "総所得金額等" => Some(self.income_yen),
            "市町村民税所得割額" => Some(rate(6)),
            "都道府県民税所得割額" => Some(rate(4)),
            "市町村民税均等割額" => Some(flat(3_000)),
            "都道府県民税均等割額" | "森林環境税額" => Some(flat(1_000)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_agrees_with_the_amounts() {
        for (income, class, by_income, flat) in [
            (450_000, "非課税", 0, 0),
            (450_001, "均等割のみ課税", 0, 3_000),
            (1_000_000, "均等割のみ課税", 0, 3_000),
            (3_000_000, "課税", 120_000, 3_000),
        ] {
            let tax = Tax::on(income);
            assert_eq!(tax.class(), class);
            assert_eq!(tax.amount_yen("市町村民税所得割額"), Some(by_income));
            assert_eq!(tax.amount_yen("市町村民税均等割額"), Some(flat));
            assert_eq!(tax.amount_yen("給付額"), None);
        }
    }
}
