package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"landfall/internal/fault"
)

// Where files are.
const (
	assetPath = "/assets/:name"
	iconPath  = "/favicon.ico"
)

//go:embed assets templates
var embedded embed.FS

// asset is one file of ours. Its name holds a hash of what it holds, so browsers keep it for ever.
type asset struct {
	media        string
	plain, small []byte
}

type assets struct {
	files map[string]asset
	names map[string]string // name as written → name with hash
}

func loadAssets() (*assets, error) {
	a := &assets{files: map[string]asset{}, names: map[string]string{}}
	entries, err := embedded.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		text, err := embedded.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		ext := path.Ext(e.Name())
		hashed := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		var small bytes.Buffer
		z, _ := gzip.NewWriterLevel(&small, gzip.BestCompression)
		_, _ = z.Write(text) // into memory
		_ = z.Close()
		a.files[hashed] = asset{media: mediaOf(ext), plain: text, small: small.Bytes()}
		a.names[e.Name()] = hashed
	}
	return a, nil
}

// mediaOf gives the media type of a file by its ending, the same on every machine.
func mediaOf(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return mime.TypeByExtension(ext)
}

// href gives the address of a file.
func (a *assets) href(name string) string { return "/assets/" + a.names[name] }

func (c *Console) asset(e echo.Context) error {
	found, ok := c.assets.files[e.Param("name")]
	if !ok {
		return fault.New(fault.NotFound, "page_not_found", "There is no such file.")
	}
	return c.send(e, found, "public, max-age=31536000, immutable")
}

// favicon answers browsers that ask without having looked.
func (c *Console) favicon(e echo.Context) error {
	return c.send(e, c.assets.files[c.assets.names["icon.svg"]], "public, max-age=86400")
}

// send answers with a file, compressed beforehand for who takes that.
func (c *Console) send(e echo.Context, f asset, keep string) error {
	h := e.Response().Header()
	h.Set(echo.HeaderCacheControl, keep)
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	e.Request().Header.Del(echo.HeaderIfModifiedSince)
	if e.Request().Header.Get(echo.HeaderAcceptEncoding) == "gzip" {
		h.Set(echo.HeaderContentEncoding, "gzip")
		return e.Blob(http.StatusOK, f.media, f.small)
	}
	return e.Blob(http.StatusOK, f.media, f.plain)
}

// pages are the templates, each with the layout and the parts that all share.
type pages map[string]*template.Template

func parsePages(*assets) (pages, error) {
	shared, err := template.New("").Funcs(functions).ParseFS(embedded, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(embedded, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(embedded, file)
		}
		if err != nil {
			return nil, err
		}
		all[name] = t.Option("missingkey=error")
	}
	return all, nil
}
