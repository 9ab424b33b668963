//! Partial dependence and ICE: against scikit-learn, against kernel SHAP's own coalitions, against sums written out.

mod machine;
mod oracle;
mod sweep;
