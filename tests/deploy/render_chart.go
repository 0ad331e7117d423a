// Renders a Helm chart's templates as far as ours use Helm: text/template, sprig, .Values, .Files.Get, toJson. For
// machines without helm: GO111MODULE=off GOPATH=/usr/share/gocode go run render_chart.go CHART < VALUES.json
// (Debian: golang-go, golang-github-masterminds-sprig-dev).
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"github.com/Masterminds/sprig"
)

type files struct{ root string }

func (f files) Get(name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(f.root, name))
	return string(content), err
}

func main() {
	var values map[string]interface{}
	if err := json.NewDecoder(os.Stdin).Decode(&values); err != nil {
		panic(err)
	}
	root := os.Args[1]
	names, _ := filepath.Glob(filepath.Join(root, "templates", "*.yaml"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		// A value that is not there is an error, where helm would write nothing.
		parsed, err := template.New(name).Option("missingkey=error").Funcs(sprig.TxtFuncMap()).Parse(string(text))
		if err != nil {
			panic(err)
		}
		fmt.Println("---")
		if err := parsed.Execute(os.Stdout, map[string]interface{}{"Values": values, "Files": files{root}}); err != nil {
			panic(err)
		}
	}
}
