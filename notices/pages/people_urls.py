from django.urls import path

from notices.pages import audiences, groups, kinds, people, person, tokens, uploads

urlpatterns = [
    path("people/", people.listing, name="people"),
    path("people/new/", person.new, name="person_new"),
    path("people/<int:pk>/", people.detail, name="person"),
    path("people/<int:pk>/edit/", person.edit, name="person_edit"),
    path("people/<int:pk>/active/", person.activate, name="person_active"),
    path("tokens/", tokens.listing, name="tokens"),
    path("tokens/<int:pk>/revoke/", tokens.revoke, name="token_revoke"),
    path("groups/", groups.listing, name="groups"),
    path("groups/act/", groups.act, name="groups_act"),
    path("kinds/", kinds.listing, name="kinds"),
    path("kinds/act/", kinds.act, name="kinds_act"),
    path("uploads/", uploads.listing, name="uploads"),
    path("uploads/<int:pk>/", uploads.show, name="upload"),
    path("uploads/<int:pk>/state/", uploads.state, name="upload_state"),
    path("uploads/<int:pk>/act/", uploads.act, name="upload_act"),
    path("uploads/<int:pk>/bad.csv", uploads.bad, name="upload_bad"),
    path("audiences/", audiences.listing, name="audiences"),
    path("audiences/new/", audiences.write, name="audience_new"),
    path("audiences/count/", audiences.count, name="audience_count"),
    path("audiences/<int:pk>/", audiences.write, name="audience"),
    path("audiences/<int:pk>/delete/", audiences.delete, name="audience_delete"),
]
