package mongodb

import (
	"fmt"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"landfall/internal/store"
)

// The fields of a stored document.
const (
	idName       = "_id"
	versionField = "version"
	indexField   = "index"
	bodyField    = "body"
)

// maxDocument leaves room below the 16 MiB that a server takes as one document.
const maxDocument = 15 << 20

// encode turns a document into its stored form. What is wrong with it is the caller's mistake.
func (k *kind) encode(d store.Doc) (bson.Raw, error) {
	for name := range d.Index {
		if _, ok := k.fields[name]; !ok {
			return nil, fmt.Errorf("%w: kind %s has no field %q", store.ErrBadQuery, k.name, name)
		}
	}
	body, err := encodeBody(d.Body)
	if err != nil {
		return nil, err
	}
	at, dst := bsoncore.AppendDocumentStart(make([]byte, 0, len(body)+len(d.ID)+64+32*len(k.Fields)))
	dst = bsoncore.AppendStringElement(dst, idName, d.ID)
	dst = bsoncore.AppendInt64Element(dst, versionField, d.Version)
	inner, dst := bsoncore.AppendDocumentElementStart(dst, indexField)
	for _, f := range k.Fields {
		v, err := stored(f, d.Index[f.Name])
		if err != nil {
			return nil, err
		}
		dst = appendStored(dst, f.Name, v)
	}
	if dst, err = bsoncore.AppendDocumentEnd(dst, inner); err != nil {
		return nil, err
	}
	dst = bsoncore.AppendDocumentElement(dst, bodyField, body)
	if dst, err = bsoncore.AppendDocumentEnd(dst, at); err != nil {
		return nil, err
	}
	if len(dst) > maxDocument {
		return nil, fmt.Errorf("%w: %d bytes are too many for one document", store.ErrBadQuery, len(dst))
	}
	return dst, nil
}

// checkID refuses what no document can be called.
func checkID(kind, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%w: a document of kind %s without id", store.ErrBadQuery, kind)
	case !utf8.ValidString(id):
		return fmt.Errorf("%w: a document of kind %s with an id that is not UTF-8", store.ErrBadQuery, kind)
	}
	return nil
}

// decode reads a stored document, and the stored values of its fields by name.
func (k *kind) decode(raw bson.Raw) (store.Doc, error) {
	d := store.Doc{Index: make(map[string]any, len(k.Fields))}
	elements, err := raw.Elements()
	if err != nil {
		return d, fmt.Errorf("a document of kind %s: %w", k.name, err)
	}
	for _, e := range elements {
		v, ok := e.Value(), true
		var doc bson.Raw
		switch e.Key() {
		case idName:
			d.ID, ok = v.StringValueOK()
		case versionField:
			d.Version, ok = v.AsInt64OK()
		case bodyField:
			if doc, ok = v.DocumentOK(); ok {
				d.Body, err = decodeBody(doc)
			}
		case indexField:
			if doc, ok = v.DocumentOK(); ok {
				err = k.decodeIndex(doc, d.Index)
			}
		}
		if !ok {
			err = fmt.Errorf("%s is a BSON %s", e.Key(), v.Type)
		}
		if err != nil {
			return d, fmt.Errorf("%s %s: %w", k.name, d.ID, err)
		}
	}
	return d, nil
}

func (k *kind) decodeIndex(doc bson.Raw, into map[string]any) error {
	for _, f := range k.Fields {
		raw, err := doc.LookupErr(f.Name)
		if err != nil {
			continue // declared later
		}
		v, err := readStored(f, raw)
		if err != nil {
			return err
		}
		if v, err = field(f, v); err != nil {
			return err
		}
		if v != nil {
			into[f.Name] = v
		}
	}
	return nil
}
