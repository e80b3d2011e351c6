use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text;

/// Whom to contact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactInformation {
    /// Name of the contact; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-validations" = text::line()))]
    pub name: Option<String>,
    /// Phone number of the contact; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-validations" = text::line()))]
    pub phone_number: Option<String>,
    /// E-mail address of the contact; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub email_address: Option<String>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressInformation {
    /// First line; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub address_line1: Option<String>,
    /// Second line; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub address_line2: Option<String>,
    /// City; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = text::line()))]
    pub city: Option<String>,
    /// State or province, as the platform displays it; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = text::line()))]
    pub state_display_name: Option<String>,
    /// Postal code; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = text::line()))]
    pub postal_code: Option<String>,
    /// Country; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = text::line()))]
    pub country: Option<String>,
}
