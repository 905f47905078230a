package plots

import (
	"path"

	"flow/pkg/stages"
)

// DVCLive's folder, and the one in it that holds plots.
const (
	LiveDir   = "dvclive"
	LivePlots = LiveDir + "/plots"
)

// known fills in how a file of DVCLive's plots/sklearn folder is drawn: DVCLive says it
// in a dvc.yaml of its own.
func known(plot *stages.Plot) {
	if path.Base(path.Dir(plot.Path)) != "sklearn" || len(plot.X)+len(plot.Y) > 0 {
		return
	}
	kind, found := map[string]struct{ title, template, x, y, xLabel, yLabel string }{
		"calibration.json":      {"Calibration curve", "simple", "prob_pred", "prob_true", "Mean predicted probability", "Fraction of positives"},
		"confusion_matrix.json": {"Confusion matrix", "confusion", "actual", "predicted", "True label", "Predicted label"},
		"det.json":              {"Detection error tradeoff (DET)", "simple", "fpr", "fnr", "False positive rate", "False negative rate"},
		"precision_recall.json": {"Precision-recall curve", "simple", "recall", "precision", "Recall", "Precision"},
		"roc.json":              {"Receiver operating characteristic (ROC)", "simple", "fpr", "tpr", "False positive rate", "True positive rate"},
	}[path.Base(plot.Path)]
	if !found {
		return
	}
	plot.X, plot.Y = []stages.Column{{Field: kind.x}}, []stages.Column{{Field: kind.y}}
	plot.Title, plot.Template = firstOf(plot.Title, kind.title), firstOf(plot.Template, kind.template)
	plot.XLabel, plot.YLabel = firstOf(plot.XLabel, kind.xLabel), firstOf(plot.YLabel, kind.yLabel)
}
